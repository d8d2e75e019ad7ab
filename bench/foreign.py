"""Measure ONNX files that Concord did not make: no reference exists, so the runtimes must give each other's bits."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench import begin, plan, probe, run, taken_over
from bench.build import build
from bench.evidence.recompute import same_graphs
from bench.fleet import Fleet
from bench.gate import judge
from bench.gate.keep import KeptFile
from bench.gate.old import OldRun, must_have_twins, open_run, with_old
from bench.measure import cold, forecast
from bench.measure.again import with_control
from bench.measure.campaign import Found, Site
from bench.measure.contrasts import contrast_all
from bench.measure.forecast import Expected
from bench.measure.group import Inputs
from bench.measure.noise import noise
from bench.progress import Progress
from bench.results import INTERRUPTED, Results, StepTime
from contract import artifact
from contract.errors import BAD, NOTHING_JUDGED, ConcordError, DataError, Stopped, UsageError
from contract.matrix import Cell, Hole, Matrix, Measure, Scenario
from contract.options import Options, select
from contract.protocol import LoadArgs, Loaded, ValueInfo

DATASET = "random input"
SHAPE = re.compile(r"[1-9]\d*(x[1-9]\d*)*")


def measure_files(options: Options, input_shape: str | None) -> tuple[Results, Path]:
    """Latency, throughput and load of each file in each ONNX Runtime runtime, on seeded random input.

    Raises UsageError when a dynamic dimension is not given, DataError when a file is missing.
    """
    matrix = select(options)
    old = open_run(options.gate, options.reports) if options.gate else None
    runtimes = tuple(name for name in matrix.defaults.runtime if name != matrix.defaults.reference)
    if not runtimes:
        raise UsageError(f"{matrix.defaults.reference} loads no ONNX files", where="--onnx", next="add --runtime ort-python")
    stems = [path.stem for path in options.onnx]
    if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise UsageError(f"two files are called '{twice}'", where="--onnx", next="rename one: the report tells them apart by their names")
    for path in options.onnx:
        if not path.is_file():
            raise DataError("no such file", where=str(path), next="check the path given to --onnx")
    if "ort-rust" in runtimes:
        build(quiet=True)
    started = time.monotonic()
    with (
        begin.measuring_alone(),
        tempfile.TemporaryDirectory(prefix="concord-") as work,
        begin.folder_of_run(options.reports) as folder,
    ):
        results = begin.blank(options, matrix, [], folder)
        gate = begin.keep_files(files(options.onnx), results, matrix, old, folder)
        with Fleet(runtimes, options.threads, folder / "logs") as fleet:
            fleet.choose_providers(matrix.defaults.device, runtimes[0])
            fleet.start()
            for name in runtimes:
                fleet.runner(name)
            prepared = [
                prepare(path, provider, input_shape, matrix, fleet, Path(work), old)
                for path in options.onnx
                for provider in fleet.providers
            ]
            must_have_twins(old, [each.site.scenarios for each in prepared])
            plan.say(planned(prepared, matrix.measure))
            kept = run.Kept(replace(results, gate=gate, receipts=fleet.receipts), folder)
            graphs = same_graphs(kept.results)

            def add(found: list[Found]) -> None:
                cells = [cell for gave in found for cell in gave.cells]
                contrasts = contrast_all(cells, fleet.receipts, graphs, matrix.measure.equivalent)
                holes = tuple(hole for each, gave in zip(prepared, found, strict=True) for hole in (*each.holes, *gave.holes))
                judged = gate and judge.judge(gate, cells, contrasts, holes)
                made = noise(cells, contrasts, graphs)
                kept.add(cells=tuple(cells), contrasts=tuple(contrasts), noise=made, gate=judged, holes=holes)

            def spent() -> tuple[StepTime, ...]:
                return (StepTime("measuring", round(time.monotonic() - started, 2)),)

            sites = [each.site for each in prepared]
            try:
                with Progress(matrix.measure.seconds) as progress:
                    add(cold.measure(sites, fleet, matrix.measure, matrix.defaults.seed, Path(work), progress, after=add))
            except KeyboardInterrupt as stop:
                results = kept.add(problems=(INTERRUPTED,), times=spent())
                run.finish(results, folder, NOTHING_JUDGED)
                raise Stopped(taken_over.NOTHING_TO_TAKE) from stop
            fleet.stop()
            results = kept.add(peak_bytes=fleet.peak_bytes, times=spent())
    code = NOTHING_JUDGED if not results.cells else BAD if run.failed(results) else judge.exit_code(results.gate)
    return run.finish(results, folder, code), folder


def files(paths: Sequence[Path]) -> list[tuple[KeptFile, Path]]:
    """What is kept of these files; nothing is known of their graphs, so two are one program only where they are one file."""
    hashed = [(path, artifact.sha256_file(path)) for path in paths]
    return [(KeptFile(DATASET, path.stem, path.name, sha256, sha256), path) for path, sha256 in hashed]


@dataclass(frozen=True)
class Prepared:
    """What is measured of one file on one provider, what is not, and what it is expected to cost, or why that is not known."""

    site: Site
    holes: list[Hole]
    expected: Expected | str


def prepare(path: Path, provider: str, input_shape: str | None, matrix: Matrix, fleet: Fleet, work: Path, old: OldRun | None) -> Prepared:
    """Look at a file, and write what it will be fed. Raises UsageError for one that cannot be measured."""
    name, runtime = f"{path} on {provider}", fleet.names[0]
    loaded = probe.ask(fleet, runtime, lambda runner: runner.load(LoadArgs(str(path), provider, fleet.options)))
    shape, static_batch = shape_of(only_input(loaded, str(path)), input_shape, str(path))
    tensor = work / f"{artifact.sha256_bytes(name.encode())[:16]}.npy"
    np.save(tensor, np.random.default_rng(matrix.defaults.seed).standard_normal((run.TIMED_IMAGES, *shape)).astype(np.float32))
    scenarios: list[tuple[Scenario, list[tuple[Cell, Path]]]] = []
    holes = []
    chosen: list[Scenario] = matrix.chosen("scenario")
    for scenario, batch in [(each, batch) for each in chosen for batch in each.batches]:
        cells = [Cell(DATASET, path.stem, path.name, runtime, provider, scenario.name, batch) for runtime in fleet.names]
        why = "needs images, and this file says nothing of its preprocessing" if scenario.kind == "e2e" else None
        if static_batch is not None and batch != static_batch:
            why = f"static batch {static_batch}"
        if why is None:
            scenarios.append((scenario, [(cell, path) for cell in cells]))
        holes += [Hole(cell, why) for cell in cells if why is not None]
    loaded_cells, starts = cold.split(scenarios)
    controlled = with_control(with_old(loaded_cells, old), {})
    expected: Expected | str
    try:
        forward = probe.forward_seconds(fleet, runtime, loaded, shape, work)
        probe.ask(fleet, runtime, lambda runner: runner.unload(loaded.id))
        expected = Expected(name, controlled, forward, loaded.ns / 1e9)
    except ConcordError as error:
        expected = probe.not_known(name, error)  # its cells will say it again
    # Bit equality between runtimes on the CPU is the standard; on CUDA sums may come in another order.
    return Prepared(Site(name, controlled, Inputs((), tensor, None, 0.0 if provider == "cpu" else 1e-3), starts), holes, expected)


def planned(prepared: list[Prepared], settings: Measure) -> list[str]:
    """The plan in words."""
    cells = sum(len(cells) for each in prepared for _, cells in each.site.scenarios) + sum(len(each.site.cold) for each in prepared)
    for_loaded, _ = cold.budgets([(each.site.scenarios, each.site.cold) for each in prepared], settings)
    forecasts = forecast.lines([each.expected for each in prepared if isinstance(each.expected, Expected)], for_loaded)
    unknown = [each.expected for each in prepared if isinstance(each.expected, str)]
    holes = sum(len(each.holes) for each in prepared)
    return [
        f"plan: measuring {cells} cells ({holes} holes) in about {settings.seconds:.0f} s",
        *(f"      {line}" for line in (*forecasts, *unknown)),
    ]


def only_input(loaded: Loaded, where: str) -> ValueInfo:
    """The only input of a model. Raises UsageError when there are several, or when it is not float32."""
    if len(loaded.inputs) != 1 or loaded.inputs[0].dtype != "float32":
        found = ", ".join(f"{each.name} ({each.dtype})" for each in loaded.inputs)
        raise UsageError(
            f"models with one float32 input can be measured, this one has: {found}", where=where, next="choose a file with one such input"
        )
    return loaded.inputs[0]


def shape_of(input: ValueInfo, given: str | None, where: str) -> tuple[tuple[int, ...], int | None]:
    """Shape without the batch, and the batch where it is static. Raises UsageError when dynamic dimensions are not given."""
    if not input.shape:
        raise UsageError(
            f"the input {input.name} has no dimension to batch over", where=where, next="export it with the batch as its first dimension"
        )
    batch, *rest = input.shape
    if given is not None:
        if not SHAPE.fullmatch(given):
            raise UsageError(f"'{given}' is not a shape", where="--input-shape", next="give it as 3x224x224, without the batch")
        asked = tuple(int(size) for size in given.split("x"))
        if len(asked) != len(rest) or any(have not in (None, want) for have, want in zip(rest, asked, strict=True)):
            raise UsageError(
                f"the model's input is {input.shape}, and {given} does not fit it",
                where="--input-shape",
                next="give its sizes in its order, without the batch",
            )
        return asked, batch
    sizes = [size for size in rest if size is not None]
    if len(sizes) != len(rest):
        raise UsageError(
            f"the input {input.name} has dynamic dimensions: {input.shape}", where=where, next="give --input-shape, as 3x224x224"
        )
    return tuple(sizes), batch
