"""`python -m bench report --explain CELL CELL`: why two cells of the last run differ, from the profilers of their runtimes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench import begin, ratios
from bench.build import build
from bench.explain import account, names, tables, words
from bench.explain.found import Explanation, Look
from bench.explain.look import Asked, expected_seconds, look_at
from bench.explain.standing import measured, standing
from bench.fleet import BOTH, Fleet
from bench.parity.ask import Session, save_tensors
from bench.progress import Progress
from bench.report import terminal
from bench.report.stored import open_run
from bench.report.words import backbone
from bench.results import Measured, Results
from bench.run import TIMED_IMAGES
from bench.subject import Subject, open_folder
from contract import artifact, strict
from contract.errors import GOOD, DataError, UsageError
from contract.matrix import Cell
from contract.options import Options
from contract.protocol import Receipt


def run(options: Options, one: str, other: str, folder: Path | None = None) -> int:
    """Explain, print and write explain-<a>-<b>.md and .json into the run's folder (the latest one's where none is given).

    Raises UsageError for a cell that there is not, EnvironmentFault and RunnerError for runtimes that are not there, DataError for
    artifacts that are not the run's.
    """
    results, folder = open_run(None if folder is None else str(folder), options.reports)
    found = explain(results, measured(results, one, other), options.artifacts, folder / "logs")
    made = tables.all_tables(found)
    path = folder / f"{names.file_name(found.a.name, found.b.name)}.md"
    artifact.write_text(path, tables.markdown(found))
    artifact.write_text(path.with_suffix(".json"), strict.pretty(found))
    console = terminal.stderr()
    terminal.say(tables.headline(found), console)
    terminal.show(made, console)
    print(strict.pretty(found) if options.output_json else path, end="" if options.output_json else "\n")
    return GOOD


def explain(results: Results, pair: tuple[Measured, Measured], artifacts: Path, logs: Path) -> Explanation:
    """Look at two measured cells again, with and without their profilers."""
    cells = [side.cell for side in pair]
    subject = subject_of(results, cells[0], artifacts)
    if "ort-rust" in [cell.runtime for cell in cells]:
        build(quiet=True)
    threads = {int(side.options.get("threads", results.environment.threads)) for side in pair}
    providers = BOTH if "cuda" in [cell.provider for cell in cells] else ("cpu",)
    with (
        begin.measuring_alone(),
        tempfile.TemporaryDirectory(prefix="concord-explain-") as work,
        Fleet(tuple(dict.fromkeys(cell.runtime for cell in cells)), max(threads), logs, providers) as fleet,
    ):
        images, tensor = inputs(subject, pair, fleet, results.seed, Path(work))
        asked = [Asked(side, subject.model(side.cell.variant), images, tensor) for side in pair]
        with Progress(expected_seconds(asked)) as progress:
            looks = look_at(asked, fleet, progress)
        return conclude(results, pair, looks, len(images), fleet.receipts)


def conclude(
    results: Results, pair: tuple[Measured, Measured], looks: Sequence[Sequence[Look]], images: int, receipts: dict[str, Receipt]
) -> Explanation:
    """The explanation that looks give."""
    cells = [measured.cell for measured in results.cells]
    labels = names.labels(pair[0].cell, pair[1].cell)
    a, b = (account.side(names.name(side.cell, cells), label, side, seen) for side, label, seen in zip(pair, labels, looks, strict=True))
    stored, each = standing(results, *pair), account.ratios(*looks)
    here = ratios.interval(ratios.evidence([math.log(ratio) for ratio in each]))
    differ = account.differ(stored, here, each)
    # On CUDA the one records kernels, the other their launches: no account adds up.
    parts = account.parts(*looks, differ=differ and a.cell.provider == "cpu")
    return Explanation(
        run=results.run,
        model=backbone(results, a.cell.dataset, a.cell.backbone),
        a=a,
        b=b,
        stored=stored,
        here=here,
        ratios=each,
        differ=differ,
        parts=parts,
        processes=len(each),
        looks=len(looks[0]),
        images=images,
        standing=words.standing_line(a, b, stored, each, differ=differ),
        conclusion=words.conclusion(a, b, parts, differ=differ),
        notes=(*words.notes(a, b, parts), *words.other_receipts(results.receipts, receipts)),
    )


def subject_of(results: Results, cell: Cell, artifacts: Path) -> Subject:
    """The artifacts that the run measured. Raises DataError when they are others now, UsageError for files that Concord did not make."""
    place = [each for each in results.subjects if (each.dataset, each.backbone) == (cell.dataset, cell.backbone)]
    if not place:
        raise UsageError(
            f"{cell.variant} was given with --onnx, and the run does not keep such files",
            where="--explain",
            next="explain a run without it",
        )
    subject = open_folder(artifacts / cell.dataset / cell.backbone / place[0].config)
    now = {variant.name: variant.sha256 for variant in subject.export.variants}
    if now != {variant.name: variant.sha256 for variant in place[0].variants}:
        raise DataError(
            "exported anew since the run, and not the same files",
            where=str(subject.folder),
            next="nox -s bench, and then explain that run",
        )
    return subject


def inputs(subject: Subject, pair: Sequence[Measured], fleet: Fleet, seed: int, work: Path) -> tuple[tuple[str, ...], Path]:
    """The images that the run timed, and their tensors as one of the two runtimes makes them: the gate has seen that they are equal."""
    images = tuple(str(subject.path(entry)) for entry in subject.held_out(TIMED_IMAGES, seed))
    cell = next((side.cell for side in pair if side.cell.variant == "eager"), pair[0].cell)
    tensor = work / "tensor.npy"
    with Session(fleet, cell.runtime, subject.model(cell.variant), cell.provider) as session:
        save_tensors(session, list(images), tensor, work)
    ready = np.load(tensor)
    if len(ready) < cell.batch:
        np.save(tensor, np.resize(ready, (cell.batch, *ready.shape[1:])))
    return images, tensor
