"""The results of a run computed once more: times from raw blocks, bounds from counts, verdicts from both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from bench import stats
from bench.evidence.raw import Line
from bench.gate.judge import judge
from bench.measure.contrasts import contrast_all
from bench.measure.noise import noise
from bench.measure.pairs import OLD
from bench.measure.summary import summarise
from bench.results import Block, Measured, NoiseFloor, ParityRow, Results
from contract.claim import parse_claim
from contract.manifest import Accuracy
from contract.matrix import Cell


def recompute(results: Results, lines: list[Line]) -> Results:
    """What the results must be, given the blocks that were measured and the counts of parity. Nothing is taken from a derived number."""
    blocks: dict[Cell, list[Block]] = defaultdict(list)
    for line in lines:
        blocks[line.cell].append(line.block)
    cells = [_cell(each, blocks[each.cell]) for each in results.cells]
    graphs = same_graphs(results)
    contrasts = contrast_all(cells, results.receipts, graphs, results.equivalent)
    return replace(
        results,
        floors=tuple(map(_floor, results.floors)),
        parity=tuple(map(_row, results.parity)),
        cells=tuple(cells),
        contrasts=tuple(contrasts),
        noise=None if results.noise is None else noise(cells, contrasts, graphs),
        gate=results.gate and judge(results.gate, cells, contrasts, results.holes),
    )


def same_graphs(results: Results) -> dict[tuple[str, str, str, str], bool]:
    """(data set, backbone, variant, other variant) -> whether their structural hashes are equal; of old files, too."""
    own = {
        (subject.dataset, subject.backbone, one.name, other.name): one.structural_hash == other.structural_hash
        for subject in results.subjects
        for one in subject.variants
        for other in subject.variants
    }
    files = results.gate.files if results.gate else ()
    return own | {(each.dataset, each.backbone, each.variant, each.variant + OLD): each.same_program for each in files}


def _cell(cell: Measured, blocks: list[Block]) -> Measured:
    return summarise(cell.cell, cell.kind, blocks, cell.options, cell.error, cell.alpha_share)


def _floor(floor: NoiseFloor) -> NoiseFloor:
    return replace(floor, tolerance=floor.factor * max(floor.over_batches, floor.against_float64))


def _row(row: ParityRow) -> ParityRow:
    if not row.judged:
        return row
    differing = row.flips + row.near_tie_flips
    drop = row.drop and replace(
        row.drop, drop=(row.drop.lost - row.drop.gained) / row.images, bound=stats.share_bound(row.drop.lost, row.images)
    )
    claim = row.claim and stats.judge_claim(parse_claim(row.claim.claim, "claim"), differing, drop.lost if drop else None, row.images)
    return replace(
        row,
        bound=stats.share_bound(differing, row.images),
        accuracy=_accuracy(row.accuracy),
        reference_accuracy=_accuracy(row.reference_accuracy),
        drop=drop,
        claim=claim,
        passed=not row.problems,
    )


def _accuracy(had: Accuracy | None) -> Accuracy | None:
    return had and stats.wilson(had.correct, had.total)
