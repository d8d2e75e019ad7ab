"""The verdict of the gate on each pair of old and new: a pure function of what was measured and of the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.measure.pairs import OLD
from bench.ratios import ALPHA, FAMILY_ALPHA
from bench.timed import Contrast, Gate, GateRow, Measured
from contract.errors import BAD, GOOD, NOTHING_JUDGED
from contract.matrix import Cell, Hole


def judge(gate: Gate, cells: Sequence[Measured], contrasts: Sequence[Contrast], holes: Sequence[Hole]) -> Gate:
    """The gate with a row for each cell that has a twin; one that was not measured has a row, too: it was not judged."""
    why = {hole.cell: hole.why for hole in holes}
    there = [*dict.fromkeys([*(each.cell for each in cells), *why])]
    judged = {each.cell: each for each in contrasts if each.factor == "release"}
    measured = {each.cell: each for each in cells}
    rows = [
        steady(row(judged[cell], gate.threshold), measured[cell], measured[old], gate.threshold)
        if cell in judged
        else GateRow(cell, "not comparable", _missing(cell, old, why))
        for cell in there
        for old in [replace(cell, variant=cell.variant + OLD)]
        if old in there
    ]
    return replace(gate, rows=tuple(rows))


def row(contrast: Contrast, threshold: float) -> GateRow:
    """Slower: different at 1 % by itself and at 5 % in the family (Holm), and the whole 95 % interval beyond the threshold.

    Passes: the whole interval below the threshold, in a run that would have found a slow-down of that size (its MDE is not larger).
    A threshold below the MDE is refused: what passed there might have passed slower, too. Anything else is inconclusive.
    """
    ratio, found = contrast.ratio, contrast.mde
    if contrast.not_comparable is not None:
        return GateRow(contrast.cell, "not comparable", contrast.not_comparable)
    if ratio is None or found is None:
        return GateRow(contrast.cell, "inconclusive", "too few processes measured both")
    # Not by its verdict: what is certainly slower by less than the margin of equivalence is called equivalent.
    if contrast.p <= ALPHA and contrast.family_p <= FAMILY_ALPHA and ratio.low > 1 + threshold:
        return GateRow(contrast.cell, "slower", "")
    if found > threshold:
        return GateRow(contrast.cell, "refused", "the threshold is below what this run finds")
    if ratio.high < 1 + threshold:
        return GateRow(contrast.cell, "passes", "")
    return GateRow(contrast.cell, "inconclusive", "the threshold lies in the interval")


def steady(found: GateRow, new: Measured, old: Measured, threshold: float) -> GateRow:
    """The same row, but nothing passes whose median lies beyond the threshold.

    A ratio is of a block's faster samples, and does not show what slows half of them only.
    """
    slower = new.median_ns is not None and old.median_ns is not None and new.median_ns.low > old.median_ns.high * (1 + threshold)
    if found.verdict == "passes" and slower:
        return GateRow(found.cell, "inconclusive", "many of its forwards are slower, and its fastest are not: see median and percentiles")
    return found


def exit_code(gate: Gate | None) -> int:
    """1 when a file is slower than the gate allows, 2 when one could not be judged, or none was; 0 when all pass."""
    if gate is None:
        return GOOD
    verdicts = {each.verdict for each in gate.rows}
    if "slower" in verdicts:
        return BAD
    return GOOD if verdicts == {"passes"} else NOTHING_JUDGED


def seconds_needed(mde: float, threshold: float, seconds: float) -> float:
    """How long a run that finds `mde` in so many seconds has to measure to find the threshold: an interval shrinks with their root."""
    return seconds * (mde / threshold) ** 2


def _missing(cell: Cell, old: Cell, why: dict[Cell, str]) -> str:
    return next((f"{each.variant}: {why[each]}" for each in (cell, old) if each in why), "not measured side by side")
