"""One run: build, plan, parity, measuring, report. Parity comes first, and a cell that fails it gets no time."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np

from bench import environment, plan
from bench.build import build
from bench.evidence import raw
from bench.evidence.recompute import same_graphs
from bench.fleet import Fleet, same_library
from bench.measure import forecast
from bench.measure.again import Graphs, with_control
from bench.measure.campaign import Found, Site, measure
from bench.measure.contrasts import contrast_all
from bench.measure.group import Inputs
from bench.measure.noise import noise
from bench.parity.check import Checked, check
from bench.progress import Progress
from bench.report import write
from bench.results import Results, StepTime
from bench.runner import RunnerError
from bench.subject import Subject, open_subject
from contract import artifact
from contract.errors import BAD, GOOD, NOTHING_JUDGED, UsageError
from contract.lock import exclusive
from contract.matrix import Hole, Matrix
from contract.options import Options, asked, select
from contract.protocol import Receipt

# Images that are timed in turn: more than one, so that no answer can come from a cache; every one of them is verified in every process.
TIMED_IMAGES, TIMED_IMAGES_IF_SLOW, SLOW_SECONDS = 8, 2, 0.1


def run(options: Options, *, measuring: bool) -> tuple[Results, Path]:
    """Do a whole run and write its folder below options.reports; returns what was found and the folder.

    Raises ConcordError when nothing could be begun; what goes wrong later is in the results, and in their exit code.
    """
    matrix = select(options)
    clock = Clock()
    if "ort-rust" in matrix.defaults.runtime:
        with clock.part("building the Rust binary"):
            build(quiet=True)
    subjects = [
        open_subject(asked(options, matrix, dataset, backbone), options.artifacts)
        for dataset in matrix.defaults.dataset
        for backbone in matrix.defaults.backbone
    ]
    return carry_out(options, matrix, subjects, clock, measuring=measuring)


def carry_out(options: Options, matrix: Matrix, subjects: list[Subject], clock: Clock, *, measuring: bool) -> tuple[Results, Path]:
    """The run over subjects that are ready: runners, plan, parity, measuring, report."""
    artifact.sweep(options.reports)
    with (
        measuring_alone(),
        tempfile.TemporaryDirectory(prefix="concord-") as work,
    ):
        folder = new_folder(options.reports)
        raw.write_manifests(subjects, folder)
        results = blank(options, matrix, subjects, folder)
        with Fleet(matrix.defaults.runtime, options.threads, folder / "logs") as fleet:
            with clock.part("starting runners"):
                fleet.choose_providers(matrix.defaults.device, matrix.defaults.reference)
                fleet.start()
                for name in dict.fromkeys((matrix.defaults.reference, *matrix.defaults.runtime)):
                    fleet.runner(name)
            problems = differing_libraries(fleet.receipts)
            planned = plan.make(subjects, matrix, fleet.providers, measuring=measuring)
            plan.show(planned, matrix, Path(work))
            kept = Kept(replace(results, receipts=fleet.receipts, problems=problems), folder)
            try:
                with Progress(planned.seconds) as progress:
                    execute(planned, matrix, fleet, kept, Path(work), progress, clock)
            except KeyboardInterrupt:
                said = "interrupted: what follows is what was found until then"
                finish(kept.add(problems=(*kept.results.problems, said), times=clock.times()), folder)
                raise
            fleet.stop()
            results = kept.add(peak_bytes=fleet.peak_bytes, times=clock.times())
    return finish(results, folder), folder


class Kept:
    """The results so far, written to results.json whenever something was added."""

    def __init__(self, results: Results, folder: Path) -> None:
        self.results, self._folder = results, folder

    def add(self, **found: object) -> Results:
        """Replace fields of the results, and write them."""
        self.results = replace(self.results, **found)  # type: ignore[arg-type]
        write.store(self.results, self._folder)
        return self.results


def finish(results: Results, folder: Path) -> Results:
    """Give a run its exit code, write all its files, and make it the latest."""
    results = replace(results, exit_code=exit_code(results))
    raw.write_blocks(results, folder)
    write.store(results, folder)
    write.render(results, folder)
    write.publish(folder)
    return results


def execute(planned: plan.Plan, matrix: Matrix, fleet: Fleet, kept: Kept, work: Path, progress: Progress, clock: Clock) -> None:
    """Parity of every part, then measuring of the cells that passed; results.json is written after each part."""
    checked: list[tuple[plan.Part, Checked]] = []
    for part in planned.parts:
        with clock.part(f"parity {part.subject.name} {part.provider}"):
            try:
                found = check(part.subject, fleet, matrix, part.provider, work, progress, tuple(sys.argv[2:]))
            except (UsageError, RunnerError) as nothing:
                fleet.stop()  # the reference may be dead; the other parts get fresh processes
                holes = (*part.holes, *(Hole(cell, "parity could not be judged") for cell in part.cells))
                kept.add(problems=(*kept.results.problems, str(nothing)), holes=(*kept.results.holes, *holes))
                continue
        checked.append((part, found))
        kept.add(
            parity=(*kept.results.parity, *found.rows),
            stages=(*kept.results.stages, *found.stages),
            floors=(*kept.results.floors, found.reference.floor),
            remarks=(*kept.results.remarks, found.remark),
        )
    fleet.stop()
    # Given up for one subject: what passed on another is measured.
    fleet.given_up.clear()
    if planned.measure_seconds and checked:
        with clock.part("measuring"):
            measure_all(checked, matrix, fleet, kept, work, progress)


def measure_all(checked: list[tuple[plan.Part, Checked]], matrix: Matrix, fleet: Fleet, kept: Kept, work: Path, progress: Progress) -> None:
    """Measure the cells whose variant passed parity in their runtime; the slowest backbone first, the others share what it leaves."""
    slowest_first = sorted(checked, key=lambda pair: -pair[1].reference.image_seconds)
    graphs = same_graphs(kept.results)
    sites = [site_of(part, found, matrix, work, graphs) for part, found in slowest_first]
    for line in forecast.lines(sites, [found.reference.image_seconds for _, found in slowest_first], matrix.measure):
        progress.say(line)
    before = kept.results.holes

    def add(gave: list[Found]) -> None:
        holes = list(before)
        for (part, found), each in zip(slowest_first, gave, strict=True):
            holes += [*part.holes, *left_out(part, found), *each.holes]
        cells = [cell for each in gave for cell in each.cells]
        contrasts = contrast_all(cells, fleet.receipts, graphs, matrix.measure.equivalent)
        kept.add(cells=tuple(cells), contrasts=tuple(contrasts), noise=noise(cells, contrasts, graphs), holes=tuple(holes))

    add(measure(sites, fleet, matrix.measure, matrix.defaults.seed, work, progress, after=add))


def left_out(part: plan.Part, found: Checked) -> list[Hole]:
    """The cells that get no time, and why: a number for a wrong answer would be worth nothing."""
    rows = {(row.variant, row.runtime): row for row in found.rows if not row.passed}
    asked = [(cell, rows.get((cell.variant, cell.runtime))) for cell in part.cells]
    return [Hole(cell, "failed parity" if row.judged else "parity could not be judged") for cell, row in asked if row is not None]


def site_of(part: plan.Part, found: Checked, matrix: Matrix, work: Path, graphs: Graphs) -> Site:
    """What is measured of one subject on one provider."""
    without = {hole.cell for hole in left_out(part, found)}
    cells = [cell for cell in part.cells if cell not in without]
    scenarios = [
        (scenario, [(cell, part.subject.model(cell.variant)) for cell in cells if cell.scenario == scenario.name])
        for scenario in matrix.chosen("scenario")
    ]
    return Site(f"{part.subject.name} on {part.provider}", with_control(scenarios, graphs), timed_inputs(found, part, work))


def timed_inputs(found: Checked, part: plan.Part, work: Path) -> Inputs:
    """The first compared images, with the reference's own tensors and logits for them; fewer where each costs much."""
    reference = found.reference
    wanted = TIMED_IMAGES if reference.image_seconds < SLOW_SECONDS else TIMED_IMAGES_IF_SLOW
    count = min(wanted, len(reference.paths))
    tensor = work / f"{part.subject.train.dataset}-{part.subject.train.backbone}-{part.provider}-timed.npy"
    np.save(tensor, np.load(reference.tensors, mmap_mode="r")[:count])
    return Inputs(tuple(reference.paths[:count]), tensor, reference.answers.logits[:count], reference.floor.tolerance)


def exit_code(results: Results) -> int:
    """1 when something was judged and is bad, else 2 when something could not be judged or a claim is not supported, else 0."""
    if any(row.judged and not row.passed for row in results.parity) or any(cell.error for cell in results.cells):
        return BAD
    shown = all(row.judged and (row.claim is None or row.claim.supported) for row in results.parity)
    return GOOD if results.parity and shown and not results.problems else NOTHING_JUDGED


def differing_libraries(receipts: dict[str, Receipt]) -> tuple[str, ...]:
    """A problem when Python and Rust run other builds of ONNX Runtime: what they owe each other, every bit, cannot be judged then."""
    python, rust = receipts.get("ort-python"), receipts.get("ort-rust")
    if python is None or rust is None or same_library(python, rust):
        return ()
    said = [f"{each.runtime} {each.version} {each.commit or 'of an unknown commit'}" for each in (python, rust)]
    return (f"not one build of ONNX Runtime: {said[0]}, {said[1]}; next: nox -s build, and unset ORT_DYLIB_PATH",)


def measuring_alone() -> AbstractContextManager[None]:
    """One run at a time on this machine: two would measure each other. Raises EnvironmentFault naming the other one's process."""
    lock = Path(tempfile.gettempdir()) / "concord-measuring"
    return exclusive(lock, "another Concord run measures on this machine", way_out="or end it")


def new_folder(reports: Path) -> Path:
    """A folder of its own for this run, named by the time (UTC) and four random digits."""
    folder = reports / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{Random().randrange(16**4):04x}"
    folder.mkdir(parents=True)
    return folder


def blank(options: Options, matrix: Matrix, subjects: list[Subject], folder: Path) -> Results:
    """Results before anything was found."""
    return Results(
        run=folder.name,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["python -m bench", *sys.argv[1:]]).replace("'python -m bench'", "python -m bench"),
        quick=options.quick,
        device=matrix.defaults.device,
        seed=matrix.defaults.seed,
        environment=environment.describe(),
        receipts={},
        subjects=tuple(subject.summary() for subject in subjects),
        floors=(),
        parity=(),
        stages=(),
        cells=(),
        contrasts=(),
        noise=None,
        holes=(),
        problems=(),
        remarks=(),
        equivalent=matrix.measure.equivalent,
        times=(),
        peak_bytes={},
        exit_code=NOTHING_JUDGED,
    )


class Clock:
    """Seconds of each named part of the run."""

    def __init__(self) -> None:
        self._parts: list[StepTime] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._parts.append(StepTime(name, round(time.monotonic() - started, 2)))

    def times(self) -> tuple[StepTime, ...]:
        """All parts so far."""
        return tuple(self._parts)
