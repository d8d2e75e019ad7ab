"""The tables of a report: one function each."""

from __future__ import annotations

import math
import shlex
from itertools import groupby

from bench.explain import names
from bench.report import cold, curve, gate, ledger, words
from bench.report.table import Table
from bench.results import Contrast, Measured, ParityRow, Results, ScenarioKind
from bench.stats import LEAST_FOR
from contract.matrix import Hole


def all_tables(results: Results) -> list[Table]:
    """Every table that this run has rows for, in reading order."""
    made = [subjects(results), variants(results), parity(results), flips(results), ledger.stages(results), ledger.faults(results)]
    made += [gate.table(results)]
    made += [timed(results, name) for name in dict.fromkeys(cell.cell.scenario for cell in results.cells)]
    made += [contrasts(results, "runtime", "Runtimes: time as a ratio to ort-python on the same variant")]
    made += [contrasts(results, "variant", "Variants: time as a ratio to raw-dynamic within a runtime")]
    made += [noise(results), holes(results), times(results)]
    return [table for table in made if table.rows]


def subjects(results: Results) -> Table:
    """What was trained."""
    rows = [
        (
            each.dataset,
            each.backbone,
            f"{each.weights.had} (asked: {', '.join(each.weights.asked)})" if each.weights else "unknown",
            each.recipe,
            str(each.classes),
            words.accuracy(each.test),
        )
        for each in results.subjects
    ]
    notes = [f"{each.backbone}: {note}" for each in results.subjects for note in each.notes]
    columns = ("data set", "backbone", "weights had", "recipe", "classes", "test accuracy [95 %]")
    return Table("Models", columns, rows, frozenset({4, 5}), tuple(notes))


def variants(results: Results) -> Table:
    """What export and onnxsim made."""
    rows = [
        (
            words.backbone(results, each.dataset, each.backbone),
            variant.name,
            f"{variant.nodes_before} -> {variant.nodes}" if variant.nodes_before != variant.nodes else str(variant.nodes),
            f"{variant.bytes / 1e6:.1f}",
            str(variant.opset),
            "yes: same graph as raw" if variant.changed_nothing else "no" if variant.name.startswith("sim") else "-",
        )
        for each in results.subjects
        for variant in each.variants
    ]
    return Table("ONNX files", ("backbone", "variant", "nodes", "MB", "opset", "onnxsim changed nothing"), rows, frozenset({2, 3, 4}))


def parity(results: Results) -> Table:
    """Agreement with the reference."""
    rows = [
        (
            words.backbone(results, row.dataset, row.backbone),
            row.variant,
            f"{row.runtime} {row.provider}",
            words.parity_verdict(row),
            f"{row.flips + row.near_tie_flips} of {row.images}" if row.images else "-",
            words.below(row.images, row.bound),
            f"{row.certified}",
            f"{row.tensors_equal} of {row.images}",
            words.small(row.max_difference),
            words.small(row.tolerance),
            ", ".join(f"{count} of {row.images}" for count in row.bits_equal_to.values()) or "-",
            words.accuracy(row.accuracy),
            f"{words.points(row.drop.drop)}, {words.below(row.images, row.drop.bound)}" if row.drop else "n/a",
        )
        for row in results.parity
    ]
    against = words.reference(results)
    columns = (
        *("backbone", "variant", "runtime", "verdict", "labels differ", "so, at 95 %", "certified", "tensors bit-equal"),
        *("logits off by", "tolerance", "bits = ort-python", "accuracy [95 %]", "it drops by"),
    )
    notes = (
        f"labels differ: from {against}'s; certified: same label, and nothing within the tolerance could change it",
        f"it drops by: accuracy of {against} minus this one's on the same images, in percentage points, and its upper bound at 95 %",
    )
    told = (*results.remarks, *_floor_notes(results), *_claim_notes(results.parity), *_failures(results.parity))
    return Table("Parity", columns, rows, frozenset(range(4, 13)), (*notes, *told))


def flips(results: Results) -> Table:
    """Images on which a runtime says something else."""
    rows = [
        (
            *(
                f"{words.backbone(results, row.dataset, row.backbone)} {row.variant} {row.runtime}",
                image.verdict,
                image.path.rpartition("/")[2],
            ),
            *(image.reference_label, image.label, words.small(image.margin), words.small(image.max_difference)),
        )
        for row in results.parity
        for image in row.shown
    ]
    columns = ("where", "verdict", "image", "reference says", "runtime says", "margin", "logit difference")
    return Table("Images that differ", columns, rows, frozenset({5, 6}))


def timed(results: Results, name: str) -> Table:
    """One scenario's numbers, in the form that fits it."""
    if any(cell.cell.scenario == name and cell.kind == "cold" for cell in results.cells):
        return cold.table(results, name)
    return curve.table(results, name) if len(curve.batches(results, name)) > 1 else scenario(results, name)


def scenario(results: Results, name: str) -> Table:
    """One scenario's numbers."""
    cells = [cell for cell in results.cells if cell.cell.scenario == name]
    throughput, split = any(cell.images_per_second for cell in cells), any(cell.split_ns for cell in cells)
    rows = [
        (
            words.backbone(results, cell.cell.dataset, cell.cell.backbone),
            cell.cell.variant,
            f"{cell.cell.runtime} {cell.cell.provider}",
            f"ERROR: {cell.error}" if cell.error else words.duration_interval(cell.median_ns, cell.middle_ns),
            *((words.rate(cell.images_per_second),) if throughput else ()),
            *("-" if cell.error else words.percentile(cell.percentiles_ns[str(each)], cell.samples, each) for each in LEAST_FOR),
            str(cell.samples),
            *((_split(cell),) if split else ()),
        )
        for cell in cells
    ]
    batch = cells[0].cell.batch if cells else 1
    columns = [
        *("backbone", "variant", "runtime", f"median per batch of {batch} [95 %]"),
        *(["images/s [95 %]"] if throughput else []),
        *(f"p{each}" for each in LEAST_FOR),
        "samples",
        *(["median by stage"] if split else []),
    ]
    numbers = frozenset(range(3, columns.index("samples") + 1))
    note = "[95 %]: of the median of these processes; the next ones may differ by a percent more, which the ratios below count in"
    return Table(f"Scenario {name}: {STOPWATCH[cells[0].kind]}" if cells else name, tuple(columns), rows, numbers, (note,))


STOPWATCH: dict[ScenarioKind, str] = {
    "latency": "float32 in host memory to logits in host memory",
    "throughput": "float32 in host memory to logits in host memory",
    "load": "creating a session from the file",
    "e2e": "path of an image file to label",
}


def contrasts(results: Results, factor: str, title: str) -> Table:
    """Ratios, from paired blocks."""
    rows = [
        (
            words.backbone(results, each.cell.dataset, each.cell.backbone),
            f"{each.cell.scenario}-{each.cell.batch} {each.cell.provider}",
            each.cell.variant if factor == "runtime" else each.cell.runtime,
            each.cell.runtime if factor == "runtime" else each.cell.variant,
            words.ratio(each.ratio) if each.not_comparable is None else f"not comparable: {each.not_comparable}",
            _verdict(each),
            "-" if each.mde is None else words.slowdown(each.mde),
            f"{each.rounds} in {each.processes}",
        )
        for each in results.contrasts
        if each.factor == factor
    ]
    second = ("variant", "runtime") if factor == "runtime" else ("runtime", "variant")
    within = f"within +-{words.percent(results.equivalent)} (two one-sided tests at 5 %)"
    notes = (
        f"below 1 is faster than the base; equivalent: {within}; faster, slower: at 1 % by itself, 5 % among all ratios of the run (Holm)",
        "a ratio is of each block's faster samples, where it has several (e2e: of their median): it need not be that of the medians above",
        "finds: the smallest slow-down that one test at 1 % finds in 95 % of runs like this one (MDE); among many it takes more",
        "same graph: both files have the same structural hash, so a ratio off 1 is this machine's noise",
        *_how_to_explain(results, factor),
    )
    columns = ("backbone", "scenario", *second, "ratio [95 %]", "verdict", "finds", "rounds, processes")
    return Table(title, columns, rows, frozenset({6, 7}), notes)


def noise(results: Results) -> Table:
    """How wrong this run's measuring was: pairs of equal programs."""
    found = results.noise
    if found is None:
        return Table("Noise", (), [])
    rows = [
        (
            words.backbone(results, each.cell.dataset, each.cell.backbone),
            f"{each.cell.scenario}-{each.cell.batch} {each.cell.provider}",
            each.cell.runtime,
            f"{each.cell.variant} / {each.other.variant}",
            words.ratio(each.ratio),
            {True: "called DIFFERENT", False: "not called different", None: "too few processes"}[each.different],
        )
        for each in found.controls
    ]
    notes = [words.alarms(found), f"frozen runners used {words.percent(found.frozen_share)} of the time that others were measured"]
    notes += [f"{count} of {found.rounds} rounds do not count: {cause}" for cause, count in found.disturbed.items()]
    title = "Noise of this machine: files with the same graph, timed as if they were two programs"
    return Table(title, ("backbone", "scenario", "runtime", "files", "ratio [95 %]", "at 1 %"), rows, frozenset({4}), tuple(notes))


def holes(results: Results) -> Table:
    """Cells that are not measured, and why; equal reasons stand together."""

    def place(hole: Hole) -> tuple[str, str, str]:
        return words.backbone(results, hole.cell.dataset, hole.cell.backbone), hole.why, hole.cell.scenario

    rows = []
    for (name, why, of), group in groupby(sorted(results.holes, key=place), key=place):
        rows.append((name, of, ", ".join(f"{hole.cell.variant} {hole.cell.runtime}" for hole in group), why))
    return Table("Holes", ("backbone", "scenario", "cells", "why"), rows)


def times(results: Results) -> Table:
    """Where the run's time went, and what memory the runners took."""
    rows = [(each.name, f"{each.seconds:.1f} s") for each in results.times]
    rows += [(f"peak memory of {name}", f"{peak / 1e9:.2f} GB") for name, peak in results.peak_bytes.items()]
    return Table("This run", ("part", "cost"), rows, frozenset({1}))


def _how_to_explain(results: Results, factor: str) -> list[str]:
    """The command that says why, for the largest difference of the table."""
    cells = {each.cell: each for each in results.cells}
    known = {(each.dataset, each.backbone) for each in results.subjects}
    measurable = {
        abs(math.log(each.ratio.value)): each
        for each in results.contrasts
        if each.factor == factor and each.ratio is not None and each.verdict in ("faster", "slower")
        if (each.cell.dataset, each.cell.backbone) in known and each.cell in cells and cells[each.cell].kind != "load"
    }
    if not measurable:
        return []
    largest = measurable[max(measurable)]
    pair = [names.name(cell, list(cells)) for cell in (largest.cell, largest.base)]
    return [f"why two cells differ: nox -s report -- --explain {shlex.join(pair)}"]


def _verdict(contrast: Contrast) -> str:
    return (contrast.verdict or "-") + (" (same graph)" if contrast.same_graph else "")


def _split(cell: Measured) -> str:
    return ", ".join(f"{stage} {words.duration(value)}" for stage, value in words.in_order(cell.split_ns)) or "-"


def _floor_notes(results: Results) -> list[str]:
    return [
        f"{floor.dataset}/{floor.backbone} {floor.provider}: tolerance {floor.tolerance:.2g} = {floor.factor:.0f} x the noise floor, the"
        f" larger of {floor.over_batches:.2g} (reference over batch sizes) and {floor.against_float64:.2g} (against {floor.referee}),"
        f" on {floor.images} images"
        for floor in results.floors
    ]


def _claim_notes(rows: tuple[ParityRow, ...]) -> list[str]:
    said = {
        f"claim '{row.claim.claim}': {row.dataset}/{row.backbone} needs {row.claim.needed} images of which none speaks against it;"
        f" {row.variant} {row.runtime} {'supports' if row.claim.supported else 'does NOT support'} it with {row.images}:"
        f" {words.below(row.images, row.claim.bound)}": None
        for row in rows
        if row.claim
    }
    return list(said)


def _failures(rows: tuple[ParityRow, ...]) -> list[str]:
    notes = []
    for row in rows:
        where = f"{row.dataset}/{row.backbone} {row.variant} {row.runtime}"
        notes += [f"{where}: {problem}; to see it again: {row.reproduce}" for problem in row.problems]
        notes += [f"{where}: {row.blame.said}"] if row.blame is not None else []
    return notes
