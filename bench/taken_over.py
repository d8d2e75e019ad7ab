"""Going on after a run that was stopped: the parity that it had judged is taken over, and nothing that it had timed.

Parity is of files, images and programs, and holds as long as these are the same; times of two sittings cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import ground
from bench.evidence.raw import RAW
from bench.fleet import Fleet
from bench.parity.check import Checked
from bench.parity.reference import FLOOR_IMAGES, ask_reference
from bench.plan import Part, parity_seconds
from bench.progress import Progress
from bench.report import write
from bench.report.stored import folder_of
from bench.results import INTERRUPTED, Results
from bench.resume import OPTION, command, must_equal
from bench.subject import Subject
from contract import artifact, strict
from contract.errors import Stopped, UsageError
from contract.layout import short_hash
from contract.matrix import Matrix

FILE = "standing.json"
ANEW = f"leave {OPTION} out: parity is judged anew"
# Of matrix.toml: what is measured changes no answer. `only` is said by its text.
NOT_PARITY = ("measure", "quick", "only")


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
        """
        where = (part.subject.train.dataset, part.subject.train.backbone, part.provider)
        floor = next((each for each in self.results.floors if (each.dataset, each.backbone, each.provider) == where), None)
        rows = tuple(row for row in self.results.parity if (row.dataset, row.backbone, row.provider) == where)
        if floor is None or not all(row.passed for row in rows):
            return None
        progress.correct(-parity_seconds(matrix, part.subject))
        progress.part(f"parity {part.name}: taken over from {self.results.run}")
        reference = ask_reference(part.subject, fleet, matrix, part.provider, work, FLOOR_IMAGES)
        had = self.results
        remark = next(each for each in had.remarks if each.startswith(f"{part.subject.name}: "))
        return Checked(
            reference=replace(reference, floor=floor),
            rows=rows,
            stages=tuple(each for each in had.stages if (each.dataset, each.backbone, each.provider) == where),
            remark=f"{remark}; its parity on {part.provider} was judged by {had.run}, which was stopped",
            confusion=next((each for each in had.confusions if (each.dataset, each.backbone, each.provider) == where), None),
            samples=tuple(each for each in had.samples if (each.dataset, each.backbone, each.provider) == where),
        )


def find(asked: str, reports: Path) -> Before:
    """The run to go on after: a folder, a name below `reports`, or the newest that was stopped, for "".

    Raises UsageError where there is none, or where it had judged nothing, DataError where it cannot be read.
    """
    if asked:
        folder = folder_of(asked, reports, OPTION).resolve()
        if not all((folder / name).is_file() for name in (write.RESULTS, f"{RAW}/{FILE}")):
            raise UsageError("nothing to go on with: it was stopped before it had judged anything", where=str(folder), next=ANEW)
        return Before(write.load(folder), folder)
    for path in sorted(reports.glob(f"*/{write.RESULTS}"), reverse=True):
        folder = path.parent
        if folder.is_symlink() or not (folder / RAW / FILE).is_file():
            continue
        results = write.load(folder)
        # A run that was killed has no times, either.
        if not results.times or INTERRUPTED in results.problems:
            return Before(results, folder)
    raise UsageError("nothing to go on with: no run was stopped after it had judged something", where=str(reports), next=ANEW)


def stopped(folder: Path, *, anew: bool) -> Stopped:
    """The interruption that says what the next call does: it begins anew, or goes on after this run."""
    then = "the same command begins a new run" if anew else f"to go on, with the parity that was judged: {command(folder)}"
    return Stopped(f"the report shows what there was; {then}")
