"""One run: build, plan, parity, measuring, report. Parity comes first, and a cell that fails it gets no time."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import plan, probe, taken_over
from bench.begin import Clock, blank, folder_of_run, keep_files, measuring_alone
from bench.build import build
from bench.evidence import raw
from bench.evidence.recompute import same_graphs
from bench.fleet import Fleet, same_library
from bench.gate import judge, keep
from bench.gate.old import OldRun, must_have_twins, open_run, with_old
from bench.measure import cold, forecast
from bench.measure.again import Graphs, Scenarios, with_control
from bench.measure.campaign import Found, Site
from bench.measure.contrasts import contrast_all
from bench.measure.forecast import Expected
from bench.measure.group import Inputs
from bench.measure.noise import noise
from bench.measure.pairs import OLD
from bench.parity.check import Checked, check
from bench.progress import Progress
from bench.report import write
from bench.results import INTERRUPTED, Results
from bench.resume import without
from bench.runner import RunnerError
from bench.subject import Subject, open_subject
from contract import artifact
from contract.errors import BAD, NOTHING_JUDGED, EnvironmentFault, UsageError
from contract.matrix import Cell, Hole, Matrix
from contract.narrow import narrow_to
from contract.options import Options, asked, select
from contract.protocol import Receipt

# Images that are timed in turn: more than one, so that no answer can come from a cache; every one of them is verified in every process.
TIMED_IMAGES, TIMED_IMAGES_IF_SLOW, SLOW_SECONDS = 8, 2, 0.1


def run(options: Options, *, measuring: bool, resume: str | None = None) -> tuple[Results, Path]:
    """Do a whole run and write its folder below options.reports; returns what was found and the folder.

    `resume`: a run that was stopped, whose parity is taken over; "" for the newest.
    Raises ConcordError when nothing could be begun; what goes wrong later is in the results, and in their exit code.
    """
    matrix = select(options)
    old = open_run(options.gate, options.reports) if options.gate and measuring else None
    if options.gate and not measuring:
        plan.say([f"note: parity judges no speed: --gate {options.gate} is for bench run"])
    clock = Clock()
    if "ort-rust" in matrix.defaults.runtime:
        with clock.part("building the Rust binary"):
            build(quiet=True)
    subjects = [
        open_subject(asked(options, matrix, dataset, backbone), options.artifacts)
        for dataset in matrix.defaults.dataset
        for backbone in matrix.defaults.backbone
    ]
    return carry_out(options, matrix, subjects, clock, measuring=measuring, old=old, resume=resume)


def carry_out(
    options: Options,
    matrix: Matrix,
    subjects: list[Subject],
    clock: Clock,
    *,
    measuring: bool,
    old: OldRun | None = None,
    resume: str | None = None,
) -> tuple[Results, Path]:
    """The run over subjects that are ready: runners, plan, parity, measuring, report.

    `old`: the stored run that is gated against. `resume` as of `run`.
    """
    artifact.sweep(options.reports)
    with (
        measuring_alone(),
        tempfile.TemporaryDirectory(prefix="concord-") as work,
        folder_of_run(options.reports) as folder,
    ):
        before = None if resume is None else taken_over.find(resume, options.reports)
        raw.write_manifests(subjects, folder)
        results = blank(options, matrix, subjects, folder)
        if measuring:
            results = replace(results, gate=keep_files(keep.of_subjects(subjects), results, matrix, old, folder))
        with Fleet(matrix.defaults.runtime, options.threads, folder / "logs") as fleet:
            with clock.part("starting runners"):
                fleet.choose_providers(matrix.defaults.device, matrix.defaults.reference)
                fleet.start()
                for name in dict.fromkeys((matrix.defaults.reference, *matrix.defaults.runtime)):
                    fleet.runner(name)
            if all(each.exported_here for each in subjects):
                standing = taken_over.look(matrix, subjects, fleet)
                if before is not None:
                    before.must_stand_on(standing)
                taken_over.write_down(standing, folder)
            problems = differing_libraries(fleet.receipts)
            planned = plan.make(subjects, matrix, fleet.providers, measuring=measuring)
            with clock.part("planning"):
                loaded = [loaded_and_cold(part, matrix, same_graphs(results), old) for part in planned.parts]
                must_have_twins(old, [scenarios for scenarios, _ in loaded])
                settings, cold_seconds = cold.budgets(loaded, matrix.measure)
                tried = [(part, scenarios) for part, (scenarios, _) in zip(planned.parts, loaded, strict=True)]
                expected, unknown = probe.parts(tried, fleet, Path(work))
                if measuring and settings is not None:
                    planned = replace(planned, measure_seconds=forecast.expected_seconds(expected, settings) + cold_seconds)
            forecasts = [*forecast.lines(expected, settings), *unknown]
            plan.show(planned, matrix, Path(work), forecasts, None if old is None else old.run)
            kept = Kept(replace(results, receipts=fleet.receipts, problems=problems), folder)
            try:
                with Progress(planned.seconds) as progress:
                    execute(planned, expected, matrix, fleet, kept, Path(work), progress, clock, old, before)
            except KeyboardInterrupt as stop:
                results = kept.add(problems=(*kept.results.problems, INTERRUPTED), times=clock.times())
                finish(results, folder, exit_code(results))
                raise taken_over.stopped(results, folder, before) from stop
            fleet.stop()
            results = kept.add(peak_bytes=fleet.peak_bytes, times=clock.times())
    return finish(results, folder, exit_code(results)), folder


class Kept:
    """The results so far, written to results.json whenever something was added."""

    def __init__(self, results: Results, folder: Path) -> None:
        self.results, self._folder = results, folder

    def add(self, **found: object) -> Results:
        """Replace fields of the results, and write them."""
        self.results = replace(self.results, **found)  # type: ignore[arg-type]
        write.store(self.results, self._folder)
        return self.results


def finish(results: Results, folder: Path, code: int) -> Results:
    """Give a run its exit code, write all its files, and make it the latest; a record that cannot be written is a problem of the run."""
    results = replace(results, exit_code=code)
    raw.write_blocks(results, folder)
    write.store(results, folder)
    try:
        write.render_record(results, folder)
    except EnvironmentFault as fault:
        # What was judged stands: only a run that found nothing bad says by its code that something is missing.
        results = replace(results, exit_code=code or NOTHING_JUDGED, problems=(*results.problems, str(fault)))
        write.store(results, folder)
    write.render_text(results, folder)
    write.publish(folder)
    return results


def execute(
    planned: plan.Plan,
    expected: list[Expected],
    matrix: Matrix,
    fleet: Fleet,
    kept: Kept,
    work: Path,
    progress: Progress,
    clock: Clock,
    old: OldRun | None,
    before: taken_over.Before | None,
) -> None:
    """Parity of every part, then measuring of the cells that passed; results.json is written after each part."""
    checked: list[tuple[plan.Part, Checked]] = []
    for part in planned.parts:
        with clock.part(f"parity {part.subject.name} {part.provider}"):
            try:
                narrow = narrow_to(matrix, (part.subject.train.backbone,))
                judged = None if before is None else before.judged(part, fleet, narrow, work, progress)
                found = judged or check(part.subject, fleet, narrow, part.provider, work, progress, tuple(without(sys.argv[2:])))
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
            confusions=(*kept.results.confusions, *([found.confusion] if found.confusion else [])),
            samples=(*kept.results.samples, *found.samples),
        )
    fleet.stop(at_once=True)
    # Given up for one subject: what passed on another is measured.
    fleet.given_up.clear()
    if planned.measure_seconds and checked:
        with clock.part("measuring"):
            measure_all(checked, expected, matrix, fleet, kept, work, progress, old)


def measure_all(
    checked: list[tuple[plan.Part, Checked]],
    expected: list[Expected],
    matrix: Matrix,
    fleet: Fleet,
    kept: Kept,
    work: Path,
    progress: Progress,
    old: OldRun | None,
) -> None:
    """Measure the cells whose variant passed parity in their runtime; the slowest backbone first, the others share what it leaves."""
    slowest_first = sorted(checked, key=lambda pair: -pair[1].reference.image_seconds)
    graphs = same_graphs(kept.results)
    sites = [site_of(part, found, matrix, work, graphs, old) for part, found in slowest_first]
    passed = {site.name: site.scenarios for site in sites}
    now = [replace(each, scenarios=passed[each.name]) for each in expected if each.name in passed]
    settings, _ = cold.budgets([(site.scenarios, site.cold) for site in sites], matrix.measure)
    for line in forecast.changed(expected, now, settings):
        progress.say(line)
    before = kept.results.holes

    def add(gave: list[Found]) -> None:
        holes = list(before)
        for (part, found), each in zip(slowest_first, gave, strict=True):
            holes += [*part.holes, *left_out(part, found), *each.holes]
        cells = [cell for each in gave for cell in each.cells]
        contrasts = contrast_all(cells, fleet.receipts, graphs, matrix.measure.equivalent)
        gate = kept.results.gate and judge.judge(kept.results.gate, cells, contrasts, holes)
        kept.add(cells=tuple(cells), contrasts=tuple(contrasts), noise=noise(cells, contrasts, graphs), gate=gate, holes=tuple(holes))

    add(cold.measure(sites, fleet, matrix.measure, matrix.defaults.seed, work, progress, after=add))


def left_out(part: plan.Part, found: Checked) -> list[Hole]:
    """The cells that get no time, and why: a number for a wrong answer would be worth nothing."""
    rows = {(row.variant, row.runtime): row for row in found.rows if not row.passed}
    asked = [(cell, rows.get((cell.variant, cell.runtime))) for cell in part.cells]
    return [Hole(cell, "failed parity" if row.judged else "parity could not be judged") for cell, row in asked if row is not None]


def site_of(part: plan.Part, found: Checked, matrix: Matrix, work: Path, graphs: Graphs, old: OldRun | None) -> Site:
    """What is measured of one subject on one provider."""
    without = frozenset(hole.cell for hole in left_out(part, found))
    scenarios, starts = loaded_and_cold(part, matrix, graphs, old, without)
    return Site(part.name, scenarios, timed_inputs(found, part, work), starts)


def loaded_and_cold(
    part: plan.Part, matrix: Matrix, graphs: Graphs, old: OldRun | None, without: frozenset[Cell] = frozenset()
) -> tuple[Scenarios, list[tuple[Cell, Path]]]:
    """The cells of a part that are measured in loaded sessions, old files and a control among them, and those that are started cold."""
    loaded, starts = cold.split(part.scenarios(matrix, without))
    return with_control(with_old(loaded, old), graphs), starts


def timed_inputs(found: Checked, part: plan.Part, work: Path) -> Inputs:
    """The first compared images, with the reference's own tensors and logits for them; fewer where each costs much."""
    reference = found.reference
    wanted = TIMED_IMAGES if reference.image_seconds < SLOW_SECONDS else TIMED_IMAGES_IF_SLOW
    count = min(wanted, len(reference.paths))
    tensor = work / f"{part.subject.train.dataset}-{part.subject.train.backbone}-{part.provider}-timed.npy"
    np.save(tensor, np.load(reference.tensors, mmap_mode="r")[:count])
    return Inputs(tuple(reference.paths[:count]), tensor, reference.answers.first[:count], reference.floor.tolerance)


def exit_code(results: Results) -> int:
    """1 when something was judged and is bad, else 2 when something could not be judged or a claim is not supported, else 0."""
    gate = judge.exit_code(results.gate)
    if any(row.judged and not row.passed for row in results.parity) or failed(results) or gate == BAD:
        return BAD
    shown = all(row.judged and (row.claim is None or row.claim.supported) for row in results.parity)
    return gate if results.parity and shown and not results.problems else NOTHING_JUDGED


def failed(results: Results) -> bool:
    """Whether a cell of this run's own has an error instead of a number; of an old file's the gate says that it was not judged."""
    return any(cell.error is not None and not cell.cell.variant.endswith(OLD) for cell in results.cells)


def differing_libraries(receipts: dict[str, Receipt]) -> tuple[str, ...]:
    """A problem when Python and Rust run other builds of ONNX Runtime: what they owe each other, every bit, cannot be judged then."""
    python, rust = receipts.get("ort-python"), receipts.get("ort-rust")
    if python is None or rust is None or same_library(python, rust):
        return ()
    said = [f"{each.runtime} {each.version} {each.commit or 'of an unknown commit'}" for each in (python, rust)]
    return (f"not one build of ONNX Runtime: {said[0]}, {said[1]}; next: nox -s build, and unset ORT_DYLIB_PATH",)
