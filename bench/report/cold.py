"""The table of cold starts: what a fresh process costs until it has its first answer, and of what that is made."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench import stats
from bench.measure import pairs
from bench.measure.cold import STAGES
from bench.measure.comparable import not_comparable
from bench.report import words
from bench.report.table import Table
from bench.results import Block, Interval, Measured, Results

# Fewer have no order-statistic interval of their median at 95 %.
LEAST_STARTS = 6
NOTES = (
    "total: of each process start + load + first forward, by the bench's own clock, from just before it is spawned to each answer; medians",
    "start: until it says who it is: imports, the library, and the hash that proves it (about 0.04 s for ONNX Runtime, 0.4 s for PyTorch)",
    "load: until the session is there, the hash of the model's file included; second forward: beside it, and in no total",
    "each process is alone on the machine; all files are in the system's page cache, for parity has read them: no disk is in these times",
    "ratio: the median over rounds of the ratio of two processes of one round, with its order-statistic interval",
)


def table(results: Results, scenario: str) -> Table:
    """One scenario's cold starts: a row for each cell, medians with their intervals, and the ratio to ort-python."""
    cells = [cell for cell in results.cells if cell.cell.scenario == scenario]
    rows = [
        (
            words.backbone(results, cell.cell.dataset, cell.cell.backbone),
            cell.cell.variant,
            f"{cell.cell.runtime} {cell.cell.provider}",
            f"ERROR: {cell.error}" if cell.error else median([block.samples_ns[0] for block in counted(cell)]),
            *("-" if cell.error else median([block.split_ns[stage][0] for block in counted(cell)]) for stage in STAGES),
            str(cell.samples),
            _ratio(results, cell, cells),
        )
        for cell in cells
    ]
    columns = ("backbone", "variant", "runtime", "total [95 %]", *STAGES, "starts", f"ratio to {pairs.BASE_RUNTIME} [95 %]")
    title = f"Scenario {scenario}: from the start of a process to its first answer"
    return Table(title, columns, rows, frozenset(range(3, len(columns))), (*NOTES, *_disturbed(cells)))


def counted(cell: Measured) -> list[Block]:
    """The starts that count: those of rounds that nothing disturbed."""
    return [block for block in cell.blocks if block.disturbed is None]


def median(nanoseconds: Sequence[int]) -> str:
    """The median with its interval, or how many of the needed starts there are."""
    found = stats.median_interval(nanoseconds)
    return too_few(len(nanoseconds)) if found is None else words.duration_interval(found, found.value)


def too_few(starts: int) -> str:
    """'n/a (3 of 6)'."""
    return f"n/a ({starts} of {LEAST_STARTS})"


def log_ratios(one: Measured, base: Measured) -> list[float]:
    """Of each round that both have: the log of the ratio of their totals."""
    theirs = {block.round: block.samples_ns[0] for block in counted(base)}
    return [math.log(block.samples_ns[0] / theirs[block.round]) for block in counted(one) if block.round in theirs]


def paired_ratio(one: Measured, base: Measured) -> Interval | None:
    """The median of the paired ratios with its order-statistic interval; None for fewer than 6 common rounds."""
    found = stats.median_interval(log_ratios(one, base))
    return None if found is None else Interval(math.exp(found.value), math.exp(found.low), math.exp(found.high))


def _ratio(results: Results, cell: Measured, cells: list[Measured]) -> str:
    base = next((each for each in cells if pairs.factor(cell.cell, each.cell) == "runtime"), None)
    if base is None or cell.error is not None or base.error is not None:
        return "-"
    why = not_comparable(cell, base, results.receipts)
    if why is not None:
        return f"not comparable: {why}"
    found = paired_ratio(cell, base)
    return too_few(len(log_ratios(cell, base))) if found is None else words.ratio(found)


def _disturbed(cells: list[Measured]) -> list[str]:
    rounds = {
        (each.cell.dataset, each.cell.backbone, each.cell.provider, block.round): block.disturbed for each in cells for block in each.blocks
    }
    causes = [cause for cause in rounds.values() if cause is not None]
    return [f"{causes.count(cause)} of {len(rounds)} rounds do not count: {cause}" for cause in dict.fromkeys(causes)]
