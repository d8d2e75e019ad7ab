"""Charts of rows as data: where each mark stands, in the units of its drawing. The template draws them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from bench.report import words
from bench.report.scale import Scale
from bench.results import Contrast, Control, Interval, Measured, Results

# Units of a drawing: the page scales it.
WIDTH, LABEL, ROW, HEAD, MARGIN = 900, 300, 26, 8, 70
# Characters of a row's label that there is room for; what its mark says in words begins with the whole of it.
LONGEST = 40
RUNTIMES = ("torch-eager", "ort-python", "ort-rust")
# Colours of the page by what was found; `different`: two equal programs were called so.
VERDICTS = {"faster": 3, "slower": 4, "equivalent": 1, "inconclusive": 5}
EQUAL, DIFFERENT = 5, 4
# Ratios beyond are drawn at the edge; their numbers stand beside.
FARTHEST = 16.0
T = TypeVar("T", Measured, Contrast)


@dataclass(frozen=True)
class Tick:
    """A line of the scale, and what stands at it; `strong`: the one that the others are read against."""

    x: float
    text: str
    strong: bool = False


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


def by_kind(results: Results) -> tuple[list[Chart], ...]:
    """Latency and its ratios with intervals, where an image's time goes, and what equal programs seemed to differ by."""
    return latencies(results), ratios(results), stages(results), noise(results)


def latencies(results: Results) -> list[Chart]:
    """The median of each cell with its interval, a chart for each backbone: their times differ by orders of magnitude."""
    return [_interval_chart(results, cells) for cells in by_place(of_kind(results, "latency"))]


def stages(results: Results) -> list[Chart]:
    """From the image file to the label, part by part."""
    return [_stack_chart(results, cells) for cells in by_place(cell for cell in of_kind(results, "e2e") if cell.split_ns)]


def ratios(results: Results) -> list[Chart]:
    """Latencies that were compared side by side, as ratios: the scale is a ratio's own, half as far from 1 as twice."""
    kinds = {(cell.cell, cell.kind) for cell in results.cells}
    found = [each for each in results.contrasts if each.ratio is not None and each.verdict and (each.cell, "latency") in kinds]
    charts = []
    for of in by_place(found):
        # Runtimes first, then variants.
        told = sorted(of, key=lambda each: each.factor)
        rows = [(_compared(each), each.ratio, VERDICTS[each.verdict or ""], each.verdict or "") for each in told if each.ratio]
        legend = tuple((colour, name) for name, colour in VERDICTS.items() if any(each.verdict == name for each in of))
        charts.append(_ratio_chart(title(results, "Latency ratios, below 1 is faster", of[0]), rows, legend))
    return charts


def noise(results: Results) -> list[Chart]:
    """Pairs of equal programs, a chart for each backbone: what they seem to differ by is this machine's noise."""
    found = [each for each in results.noise.controls if each.ratio is not None] if results.noise else []
    said = {True: "called different", False: "not called different", None: "too few processes to call it"}
    legend = ((EQUAL, "not called different"), (DIFFERENT, "called different"))

    def place(each: Control) -> tuple[str, str, str]:
        return each.cell.dataset, each.cell.backbone, each.cell.provider

    charts = []
    for (dataset, backbone, provider), of in groupby(sorted(found, key=place), key=place):
        rows = [
            (
                f"{each.cell.runtime} {each.cell.variant}, {each.cell.scenario}",
                each.ratio,
                DIFFERENT if each.different else EQUAL,
                said[each.different],
            )
            for each in of
        ]
        named = f"Noise of this machine, ratios of equal programs: {words.backbone(results, dataset, backbone)} on {provider}"
        charts.append(_ratio_chart(named, rows, legend))
    return charts


def of_kind(results: Results, kind: str) -> list[Measured]:
    """The cells of one kind that have a time."""
    return [cell for cell in results.cells if cell.kind == kind and cell.error is None and cell.middle_ns is not None]


def by_place(cells: Iterable[T]) -> list[list[T]]:
    """Cells grouped by what shares a chart: data set, backbone, provider, scenario and batch."""

    def place(each: T) -> tuple[str, str, str, str, int]:
        return each.cell.dataset, each.cell.backbone, each.cell.provider, each.cell.scenario, each.cell.batch

    return [list(group) for _, group in groupby(sorted(cells, key=place), key=place)]


def title(results: Results, what: str, first: Measured | Contrast) -> str:
    """What a chart shows, of which backbone, where."""
    name = words.backbone(results, first.cell.dataset, first.cell.backbone)
    batch = f", batch {first.cell.batch}" if first.cell.batch > 1 else ""
    return f"{what}: {name} on {first.cell.provider}{batch}"


def colour(runtime: str) -> int:
    """The number of a runtime's colour."""
    return RUNTIMES.index(runtime) if runtime in RUNTIMES else len(RUNTIMES)


def cell_name(measured: Measured) -> str:
    """Runtime and variant; eager has one only."""
    return measured.cell.runtime if measured.cell.variant == "eager" else f"{measured.cell.runtime} {measured.cell.variant}"


def _interval_chart(results: Results, cells: Sequence[Measured]) -> Chart:
    scale = _from_zero(max(cell.median_ns.high if cell.median_ns else cell.middle_ns or 0.0 for cell in cells))
    bars = []
    for row, cell in enumerate(cells):
        middle = cell.middle_ns or 0.0
        low, high = (cell.median_ns.low, cell.median_ns.high) if cell.median_ns else (middle, middle)
        hover = f"{cell_name(cell)}: {words.duration_interval(cell.median_ns, cell.middle_ns)}, {cell.samples} samples"
        at = (scale.at(low), scale.at(middle), scale.at(high))
        bars.append(Bar(_y(row), words.short(cell_name(cell), LONGEST), *at, colour(cell.cell.runtime), hover))
    return Chart("interval", title(results, "Latency", cells[0]), _y(len(cells)), _times(scale), tuple(bars), ())


def _stack_chart(results: Results, cells: Sequence[Measured]) -> Chart:
    scale = _from_zero(max(sum(cell.split_ns.values()) for cell in cells))
    names = list(dict.fromkeys(stage for cell in cells for stage, _ in words.in_order(cell.split_ns)))
    bars = []
    for row, cell in enumerate(cells):
        at = 0.0
        for stage, nanoseconds in words.in_order(cell.split_ns):
            hover = f"{cell.cell.runtime}, {stage}: {words.duration(nanoseconds)}"
            left, right = scale.at(at), scale.at(at + nanoseconds)
            bars.append(
                Bar(_y(row), words.short(cell.cell.runtime, LONGEST) if at == 0 else "", left, left, right, names.index(stage), hover)
            )
            at += nanoseconds
    named = title(results, "Where the time goes, from image file to label", cells[0])
    return Chart("stack", named, _y(len(cells)), _times(scale), tuple(bars), tuple(enumerate(names)))


def _ratio_chart(named: str, rows: Sequence[tuple[str, Interval | None, int, str]], legend: tuple[tuple[int, str], ...]) -> Chart:
    known = [(label, ratio, tone, said) for label, ratio, tone, said in rows if ratio is not None]
    low = max(min(0.9, *(ratio.low for _, ratio, _, _ in known)), 1 / FARTHEST)
    high = min(max(1.1, *(ratio.high for _, ratio, _, _ in known)), FARTHEST)
    scale = Scale(low, high, LABEL, WIDTH - MARGIN, log=True)
    bars = []
    for row, (label, ratio, tone, said) in enumerate(known):
        at = (scale.at(ratio.low), scale.at(ratio.value), scale.at(ratio.high))
        bars.append(Bar(_y(row), words.short(label, LONGEST), *at, tone, f"{label}: {words.ratio(ratio)}, {said}"))
    marked = sorted({*scale.ticks(), 1.0})
    ticks = tuple(Tick(scale.at(value), f"{value:.3g}", strong=value == 1) for value in marked)
    return Chart("interval", named, _y(len(known)), ticks, tuple(bars), legend)


def _compared(contrast: Contrast) -> str:
    cell, base = contrast.cell, contrast.base
    if contrast.factor == "runtime":
        return f"{cell.runtime} / {base.runtime}, {base.variant}"
    return f"{cell.variant} / {base.variant}, {cell.runtime}"


def _from_zero(most: float) -> Scale:
    return Scale(0, most, LABEL, WIDTH - MARGIN)


def _times(scale: Scale) -> tuple[Tick, ...]:
    return tuple(Tick(scale.at(value), "0" if value == 0 else words.duration(value)) for value in scale.ticks())


def _y(row: int) -> float:
    return HEAD + ROW * (row + 0.5)
