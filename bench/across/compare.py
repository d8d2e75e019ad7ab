"""Two runs side by side: verdicts and counts of parity, and ratios that each measured for itself. Times are compared nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from bench.across import differ
from bench.across.found import AccuracyMoved, Comparison, OnlyIn, RatioPair, Row, Side, VerdictMoved
from bench.measure.pairs import AGAIN, OLD
from bench.report import words
from bench.results import Contrast, Interval, Measured, ParityRow, Results
from contract.matrix import Cell


def compare(one: Results, other: Results) -> Comparison:
    """Everything that two runs may be asked together."""
    mine, theirs = cells(one), cells(other)
    pairs = [(mine[cell], theirs[cell]) for cell in mine if cell in theirs]
    return Comparison(
        one=_side(one),
        other=_side(other),
        differences=tuple(differ.differences(one, other)),
        refused=differ.refused(one, other, pairs),
        cells=len(pairs),
        rows=len(rows(one).keys() & rows(other).keys()),
        verdicts=tuple(verdicts(one, other)),
        accuracies=tuple(accuracies(one, other)),
        ratios=tuple(ratios(one, other)),
        only=(*only_in(one, other), *only_in(other, one)),
    )


def cells(results: Results) -> dict[Cell, Measured]:
    """The cells of the run itself that have a number: controls, and files of a run that was gated against, are not its own."""
    return {each.cell: each for each in results.cells if each.error is None and _own(each.cell)}


def rows(results: Results) -> dict[Row, ParityRow]:
    """The rows of parity by what they are about."""
    return {Row(each.dataset, each.backbone, each.variant, each.runtime, each.provider): each for each in results.parity}


def verdicts(one: Results, other: Results) -> Iterator[VerdictMoved]:
    """Rows with another verdict, and rows of one run alone."""
    mine, theirs = rows(one), rows(other)
    for row in dict.fromkeys((*mine, *theirs)):
        here, there = mine.get(row), theirs.get(row)
        said = [None if each is None else words.parity_verdict(each) for each in (here, there)]
        if said[0] != said[1]:
            yield VerdictMoved(row, said[0], said[1], _differ(here), _differ(there))


def accuracies(one: Results, other: Results) -> Iterator[AccuracyMoved]:
    """Other counts of right answers, of the reference once for each backbone."""
    theirs = rows(other)
    found: dict[Row, AccuracyMoved] = {}
    for row, here in rows(one).items():
        there = theirs.get(row)
        if there is None:
            continue
        reference = Row(row.dataset, row.backbone, "eager", "reference", row.provider)
        for place, pair in ((reference, (here.reference_accuracy, there.reference_accuracy)), (row, (here.accuracy, there.accuracy))):
            if pair[0] is not None and pair[1] is not None and pair[0] != pair[1]:
                found.setdefault(place, AccuracyMoved(place, pair[0], pair[1]))
    yield from found.values()


def ratios(one: Results, other: Results) -> Iterator[RatioPair]:
    """The contrasts that both runs have, of runtimes and of variants: each stands for itself."""
    theirs = {(each.cell, each.base): each for each in _contrasts(other)}
    for here in _contrasts(one):
        there = theirs.get((here.cell, here.base))
        if there is not None:
            whys = _why(here), _why(there)
            yield RatioPair(here.cell, here.base, here.factor, here.ratio, there.ratio, *whys, overlap(here.ratio, there.ratio))


def overlap(one: Interval | None, other: Interval | None) -> bool | None:
    """Whether two intervals have a value in common; None where one is missing."""
    return None if one is None or other is None else max(one.low, other.low) <= min(one.high, other.high)


def only_in(one: Results, other: Results) -> Iterator[OnlyIn]:
    """Cells that have a number in the first run alone."""
    there = cells(other)
    errors = {each.cell: f"error: {each.error}" for each in other.cells if each.error is not None}
    whys = {each.cell: f"hole: {each.why}" for each in other.holes} | errors
    for cell in cells(one):
        if cell not in there:
            yield OnlyIn(cell, one.run, whys.get(cell, "not asked for"))


def _own(cell: Cell) -> bool:
    return not cell.variant.endswith((AGAIN, OLD))


def _contrasts(results: Results) -> Iterator[Contrast]:
    return (each for each in results.contrasts if _own(each.cell) and _own(each.base))


def _why(contrast: Contrast) -> str:
    if contrast.not_comparable is not None:
        return f"not comparable: {contrast.not_comparable}"
    return "too few processes" if contrast.ratio is None else ""


def _differ(row: ParityRow | None) -> str:
    return "-" if row is None or not row.images else f"{row.flips + row.near_tie_flips} of {row.images}"


def _side(results: Results) -> Side:
    weights = {f"{dataset}/{backbone}": had for (dataset, backbone), had in results.weights_had.items()}
    return Side(results.run, results.started, results.command, results.exit_code, weights)
