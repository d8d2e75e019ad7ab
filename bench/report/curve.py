"""The table of a scenario with several batches: images per second at each."""

from __future__ import annotations

from bench.measure.pairs import AGAIN
from bench.report import words
from bench.report.table import Table
from bench.results import Measured, Results
from contract.matrix import Cell

Row = tuple[str, str, str, str, str]


def batches(results: Results, scenario: str) -> list[int]:
    """The batches of a scenario in this run, holes included, smallest first."""
    cells = [*(each.cell for each in results.cells), *(hole.cell for hole in results.holes)]
    return sorted({cell.batch for cell in cells if cell.scenario == scenario})


def table(results: Results, scenario: str) -> Table:
    """Images per second: a row for each backbone, variant and runtime, a column for each batch; '-' is a hole."""
    asked, measured = batches(results, scenario), [each for each in results.cells if each.cell.scenario == scenario]
    places: dict[Row, dict[int, Measured]] = {}
    for each in measured:
        places.setdefault(_row(each.cell), {})[each.cell.batch] = each
    rows: list[tuple[str, ...]] = []
    best, errors = [], []
    for found in places.values():
        cell = next(iter(found.values())).cell
        named = (words.backbone(results, cell.dataset, cell.backbone), cell.variant, f"{cell.runtime} {cell.provider}")
        # A control is timed at one batch, and stands in the table of the noise.
        rows += [] if cell.variant.endswith(AGAIN) else [(*named, *(_images(found.get(batch)) for batch in asked))]
        most = fastest(list(found.values()))
        best += [] if most is None else [f"{' '.join(named)}: batch {most} gives the most images per second"]
        errors += [f"{' '.join(named)}, batch {each.cell.batch}: {each.error}" for each in found.values() if each.error is not None]
    notes = (
        "[95 %]: of these processes; a batch is said to give the most only where its interval overlaps none of its row",
        *best,
        *errors,
    )
    columns = ("backbone", "variant", "runtime", *(f"batch {batch}" for batch in asked))
    title = f"Throughput over batch sizes ({scenario}): images/s, float32 in host memory to logits in host memory"
    return Table(title, columns, rows, frozenset(range(3, len(columns))), notes)


def fastest(row: list[Measured]) -> int | None:
    """The batch with the most images per second, or None where that cannot be said.

    It can where there are two at least, each has an interval, and the best one's overlaps no other.
    """
    rates = {each.cell.batch: each.images_per_second for each in row if each.error is None}
    known = {batch: rate for batch, rate in rates.items() if rate is not None}
    if len(known) < 2 or len(known) < len(rates):
        return None
    best = max(known, key=lambda batch: known[batch].value)
    return best if all(rate.high < known[best].low for batch, rate in known.items() if batch != best) else None


def _row(cell: Cell) -> Row:
    return cell.dataset, cell.backbone, cell.variant, cell.runtime, cell.provider


def _images(measured: Measured | None) -> str:
    if measured is None:
        return "-"
    return words.rate(measured.images_per_second) if measured.error is None else "ERROR"
