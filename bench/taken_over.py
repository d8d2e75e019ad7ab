"""Going on after a run that was stopped: the parity that it had judged is taken over, and nothing that it had timed.

Parity is of files, images and programs, and holds as long as these are the same; times of two sittings cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench import ground
from bench.evidence.raw import RAW
from bench.fleet import Fleet
from bench.parity.ask import Session
from bench.parity.check import Checked
from bench.parity.reference import FLOOR_IMAGES, PROBE_IMAGES, Reference, ask_reference, probed
from bench.plan import Part, parity_seconds
from bench.progress import Progress
from bench.report import write
from bench.report.stored import folder_of
from bench.results import INTERRUPTED, Results
from bench.resume import OPTION, command, must_equal
from bench.subject import Subject
from contract import artifact, strict
from contract.errors import DataError, Stopped, UsageError
from contract.layout import short_hash
from contract.matrix import Matrix

FILE = "standing.json"
NOTHING_TO_TAKE = "the report shows what there was; the same command begins a new run"
ANEW = f"leave {OPTION} out: parity is judged anew"
# Of matrix.toml: what is measured changes no answer. `only` is said by its text.
NOT_PARITY = ("measure", "quick", "only")


class OfPart(Protocol):
    """What was found of one subject on one provider."""

    @property
    def dataset(self) -> str:
        """Name of its data set."""

    @property
    def backbone(self) -> str:
        """Name of its backbone."""

    @property
    def provider(self) -> str:
        """The provider."""


T = TypeVar("T", bound=OfPart)


@dataclass(frozen=True)
class Standing:
    """What the parity of a run stands on: matrix.toml as it was asked for, and the ground, with a hash of each subject's manifests.

    Those name every file and every image by its sha256.
    """

    matrix: dict[str, Any]
    keyword: str
    ground: ground.Ground


def look(matrix: Matrix, subjects: Sequence[Subject], fleet: Fleet) -> Standing:
    """Look at what a run stands on."""
    names = tuple(dict.fromkeys((matrix.defaults.reference, *matrix.defaults.runtime)))
    files = {each.name: short_hash((each.train, each.export)) for each in subjects}
    asked = {key: value for key, value in strict.plain(replace(matrix, only=None)).items() if key not in NOT_PARITY}
    return Standing(asked, "" if matrix.only is None else matrix.only.text, ground.look(fleet, names, files))


def write_down(standing: Standing, folder: Path) -> None:
    """Keep it beside the run's other evidence."""
    artifact.write_text(folder / RAW / FILE, strict.pretty(standing))


@dataclass(frozen=True)
class Before:
    """A run that was stopped."""

    results: Results
    folder: Path

    def must_stand_on(self, standing: Standing) -> None:
        """Raise UsageError naming what has changed since, DataError where that cannot be told."""
        path = self.folder / RAW / FILE
        with strict.mended_by(ANEW):
            was = strict.loads(path.read_bytes(), str(path))
        must_equal(was, strict.loads(strict.pretty(standing), str(path)), self.folder)

    def judged(self, part: Part, fleet: Fleet, matrix: Matrix, work: Path, progress: Progress) -> Checked | None:
        """What it had found of a part of which it had found nothing bad, or None.

        The reference is asked again, for a few images: for what is timed. What failed is judged again, and explained by this run.
        Raises DataError where a compared image is no longer what it was.
        """
        had, subject = self.results, part.subject
        floors, rows = self._of(part, had.floors), self._of(part, had.parity)
        if not floors or not all(row.passed for row in rows):
            return None
        subject.held_out(rows[0].images, matrix.defaults.seed)
        try:
            reference = _reference(part, fleet, matrix, work)
        except UsageError:
            return None  # of a few images nothing can be said that can be said of more
        progress.correct(-parity_seconds(matrix, subject))
        progress.part(f"parity {part.name}: taken over from {had.run}")
        return Checked(
            reference=replace(reference, floor=floors[0]),
            rows=rows,
            stages=self._of(part, had.stages),
            remark=self._remark(part),
            confusion=next(iter(self._of(part, had.confusions)), None),
            samples=self._of(part, had.samples),
        )

    def _of(self, part: Part, found: Sequence[T]) -> tuple[T, ...]:
        where = (part.subject.train.dataset, part.subject.train.backbone, part.provider)
        return tuple(each for each in found if (each.dataset, each.backbone, each.provider) == where)

    def _remark(self, part: Part) -> str:
        """What was remarked of the images, and who judged: this run, or the one that it had taken it over from."""
        said = [each for each in self.results.remarks if each.startswith(f"{part.subject.name}: ")]
        who = f" Its parity on {part.provider} was judged by "
        return next(
            (each for each in said if who in each),
            "".join(said[:1]).partition(" Its parity on ")[0] + f"{who}{self.results.run}, which was stopped",
        )


def _reference(part: Part, fleet: Fleet, matrix: Matrix, work: Path) -> Reference:
    """The reference's answers for a few images, after its first forwards, which take longer."""
    session = Session(fleet, matrix.defaults.reference, part.subject.model("eager"), part.provider)
    few = part.subject.held_out(PROBE_IMAGES, matrix.defaults.seed)
    probed(session, fleet, [str(part.subject.path(entry)) for entry in few], work)
    return ask_reference(part.subject, fleet, matrix, part.provider, work, FLOOR_IMAGES, session)


def find(asked: str, reports: Path) -> Before:
    """The run to go on after: a folder, a name below `reports`, or the newest that was stopped after it had judged something, for "".

    Raises UsageError where there is none, or where it is another, DataError where it cannot be read.
    """
    if asked:
        folder = folder_of(asked, reports, OPTION).resolve()
        results = write.load(folder)
        if not _stopped(results, folder):
            raise UsageError("nothing to go on with: it was not stopped after it had judged parity", where=str(folder), next=ANEW)
        return Before(results, folder)
    for path in sorted(reports.glob(f"*/{write.RESULTS}"), reverse=True):
        try:
            results = write.load(path.parent)
        except DataError:
            continue  # damaged, or another version's: it is refused by name
        if not path.parent.is_symlink() and _stopped(results, path.parent):
            return Before(results, path.parent)
    raise UsageError("nothing to go on with: no run was stopped after it had judged parity", where=str(reports), next=ANEW)


def _stopped(results: Results, folder: Path) -> bool:
    """Whether there is something to take over. A run that was killed has no times."""
    unfinished = not results.times or INTERRUPTED in results.problems
    return unfinished and bool(results.floors) and (folder / RAW / FILE).is_file()


def stopped(results: Results, folder: Path, before: Before | None) -> Stopped:
    """The interruption that says how to go on: after this run, or still after the one before, which had judged more."""
    if before is not None and len(results.floors) < len(before.results.floors):
        folder = before.folder
    elif not _stopped(results, folder):
        return Stopped(NOTHING_TO_TAKE)
    return Stopped(f"the report shows what there was; to go on, with the parity that was judged: {command(folder)}")
