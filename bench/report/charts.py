"""Charts as data: where each mark stands, in the units of its drawing. The template draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.report import words
from bench.results import Measured, Results

# Units of a drawing: the page scales it.
WIDTH, LABEL, ROW, HEAD = 900, 300, 26, 8
RUNTIMES = ("torch-eager", "ort-python", "ort-rust")
TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A line of the scale, and what stands at it."""

    x: float
    text: str


@dataclass(frozen=True)
class Bar:
    """A mark from `low` to `high` with its value at `x`; `colour`: number of a colour of the page; `hover`: what it says in words."""

    y: float
    label: str
    low: float
    x: float
    high: float
    colour: int
    hover: str


@dataclass(frozen=True)
class Chart:
    """`kind` interval: each row a point with its interval; stack: rows of parts side by side (several bars at one `y`)."""

    kind: str
    title: str
    height: float
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    legend: tuple[tuple[int, str], ...]


def all_charts(results: Results) -> list[Chart]:
    """Latency with intervals, and where an image's time goes, for each backbone and provider that has them."""
    return [*latencies(results), *stages(results)]


def latencies(results: Results) -> list[Chart]:
    """The median of each cell with its interval, a chart for each backbone: their times differ by orders of magnitude."""
    return [_interval_chart(results, cells) for cells in _by_place(_of_kind(results, "latency"))]


def stages(results: Results) -> list[Chart]:
    """From the image file to the label, part by part."""
    return [_stack_chart(results, cells) for cells in _by_place(cell for cell in _of_kind(results, "e2e") if cell.split_ns)]


def ticks(most: float) -> list[float]:
    """Some round numbers from 0 to `most`, which is positive: steps of 1, 2 or 5 times a power of ten."""
    step = 10 ** math.floor(math.log10(most / TICKS))
    step = next(step * factor for factor in (1, 2, 5, 10) if most / (step * factor) <= TICKS)
    return [step * number for number in range(math.floor(most / step) + 1)]


def _of_kind(results: Results, kind: str) -> list[Measured]:
    return [cell for cell in results.cells if cell.kind == kind and cell.error is None and cell.middle_ns is not None]


def _by_place(cells: Iterable[Measured]) -> list[list[Measured]]:
    def place(cell: Measured) -> tuple[str, str, str, str, int]:
        return cell.cell.dataset, cell.cell.backbone, cell.cell.provider, cell.cell.scenario, cell.cell.batch

    return [list(group) for _, group in groupby(sorted(cells, key=place), key=place)]


def _title(results: Results, what: str, first: Measured) -> str:
    name = words.backbone(results, first.cell.dataset, first.cell.backbone)
    batch = f", batch {first.cell.batch}" if first.cell.batch > 1 else ""
    return f"{what}: {name} on {first.cell.provider}{batch}"


def _interval_chart(results: Results, cells: Sequence[Measured]) -> Chart:
    most = max(cell.median_ns.high if cell.median_ns else cell.middle_ns or 0.0 for cell in cells)
    bars = []
    for row, cell in enumerate(cells):
        middle = cell.middle_ns or 0.0
        low, high = (cell.median_ns.low, cell.median_ns.high) if cell.median_ns else (middle, middle)
        name = f"{cell.cell.runtime} {cell.cell.variant}" if cell.cell.variant != "eager" else cell.cell.runtime
        hover = f"{name}: {words.duration_interval(cell.median_ns, cell.middle_ns)}, {cell.samples} samples"
        bars.append(Bar(_y(row), name, _x(low, most), _x(middle, most), _x(high, most), _colour(cell.cell.runtime), hover))
    return Chart("interval", _title(results, "Latency", cells[0]), _y(len(cells)), _scale(most), tuple(bars), ())


def _stack_chart(results: Results, cells: Sequence[Measured]) -> Chart:
    most = max(sum(cell.split_ns.values()) for cell in cells)
    names = list(dict.fromkeys(stage for cell in cells for stage, _ in words.in_order(cell.split_ns)))
    bars = []
    for row, cell in enumerate(cells):
        at = 0.0
        for stage, nanoseconds in words.in_order(cell.split_ns):
            hover = f"{cell.cell.runtime}, {stage}: {words.duration(nanoseconds)}"
            left, right = _x(at, most), _x(at + nanoseconds, most)
            bars.append(Bar(_y(row), cell.cell.runtime if at == 0 else "", left, left, right, names.index(stage), hover))
            at += nanoseconds
    title = _title(results, "Where the time goes, from image file to label", cells[0])
    return Chart("stack", title, _y(len(cells)), _scale(most), tuple(bars), tuple(enumerate(names)))


def _colour(runtime: str) -> int:
    return RUNTIMES.index(runtime) if runtime in RUNTIMES else len(RUNTIMES)


def _scale(most: float) -> tuple[Tick, ...]:
    return tuple(Tick(_x(at, most), "0" if at == 0 else words.duration(at)) for at in ticks(most))


def _x(value: float, most: float) -> float:
    return round(LABEL + (WIDTH - LABEL - 70) * value / most, 1)


def _y(row: int) -> float:
    return HEAD + ROW * (row + 0.5)
