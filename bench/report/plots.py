"""Charts over two scales as data: throughput over batch sizes, accuracy against latency, training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from bench.report import labels, words
from bench.report.charts import Tick, cell_name, colour, of_kind
from bench.report.scale import Scale
from bench.results import Epoch, Measured, Results, Subject

HEIGHT, TOP, LEFT, RIGHT, WIDE, NARROW = 260, 12, 64, 24, 900, 440
# The base variant of the contrasts, and the only one of PyTorch: one point a runtime, not four on top of each other.
SHOWN = ("raw-dynamic", "eager")
# Grey: the colours before it are those of runtimes, with one for all that are not known by name.
FRONTIER = 5
# Of a point, as the template draws it.
RADIUS, WHISKER = 5, 1


@dataclass(frozen=True)
class Point:
    """A value with its interval upwards and downwards; `label` stands at `place`."""

    x: float
    y: float
    low: float
    high: float
    hover: str
    label: str = ""
    place: labels.Place | None = None


@dataclass(frozen=True)
class Series:
    """Points of one colour, which a line joins or not; `path` is that line, drawn through or `dashed`."""

    colour: int
    points: tuple[Point, ...]
    path: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """`cuts`: lines from top to bottom with a word; the scales' names stand at their ends."""

    title: str
    width: float
    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]
    cuts: tuple[Tick, ...] = ()
    legend: tuple[tuple[int, str], ...] = ()


def curves(results: Results) -> list[Plot]:
    """Images per second over the batch size: of the base variants, a line for each runtime."""
    rated = [cell for cell in of_kind(results, "throughput") if cell.images_per_second is not None and cell.cell.variant in SHOWN]

    def place(each: Measured) -> tuple[str, str, str, str]:
        return each.cell.dataset, each.cell.backbone, each.cell.provider, each.cell.scenario

    groups = [list(group) for _, group in groupby(sorted(rated, key=place), key=place)]
    return [_curve(results, group) for group in groups if len({cell.cell.batch for cell in group}) > 1]


def paretos(results: Results) -> list[Plot]:
    """Accuracy on the test images against the latency of one image, for each data set and provider with two backbones or more."""
    tested = {(each.dataset, each.backbone): each.test for each in results.subjects if each.test is not None}
    cells = [
        cell
        for cell in of_kind(results, "latency")
        if cell.cell.variant in SHOWN and cell.cell.batch == 1 and (cell.cell.dataset, cell.cell.backbone) in tested
    ]

    def place(each: Measured) -> tuple[str, str]:
        return each.cell.dataset, each.cell.provider

    groups = [list(group) for _, group in groupby(sorted(cells, key=place), key=place)]
    return [_pareto(results, group) for group in groups if len({cell.cell.backbone for cell in group}) > 1]


def trainings(results: Results) -> list[tuple[Plot, Plot]]:
    """Loss and accuracy over the epochs, with a line where a phase ends, for each backbone that was trained here."""
    return [(_training(results, each, "loss"), _training(results, each, "accuracy")) for each in results.subjects if len(each.history) > 1]


def _curve(results: Results, cells: Sequence[Measured]) -> Plot:
    batches = sorted({cell.cell.batch for cell in cells})
    x = Scale(batches[0], batches[-1], LEFT, WIDE - RIGHT, log=True)
    y = _up(0, max(cell.images_per_second.high for cell in cells if cell.images_per_second), HEIGHT)
    runtimes = sorted({cell.cell.runtime for cell in cells}, key=colour)
    series = []
    for runtime in runtimes:
        of = sorted((cell for cell in cells if cell.cell.runtime == runtime), key=lambda cell: cell.cell.batch)
        points = []
        for cell in of:
            rate = cell.images_per_second
            assert rate is not None  # chosen so above
            hover = f"{cell_name(cell)}, batch {cell.cell.batch}: {words.rate(rate)} images/s"
            points.append(Point(x.at(cell.cell.batch), y.at(rate.value), y.at(rate.low), y.at(rate.high), hover))
        series.append(Series(colour(runtime), tuple(points), _path(points)))
    first = cells[0].cell
    named = f"Throughput over batch sizes: {words.backbone(results, first.dataset, first.backbone)} on {first.provider}"
    marks = tuple(Tick(x.at(batch), str(batch)) for batch in batches)
    legend = tuple((colour(runtime), runtime) for runtime in runtimes)
    return Plot(named, WIDE, "batch", "images/s", marks, _marked(y), tuple(series), legend=legend)


def _pareto(results: Results, cells: Sequence[Measured]) -> Plot:
    tested = {(each.dataset, each.backbone): each.test for each in results.subjects}
    times = [cell.middle_ns or 1.0 for cell in cells]
    x = Scale(min(times) / 1.5, max(times) * 1.5, LEFT, WIDE - RIGHT, log=True)
    # From the ten below the lowest interval: the differences are what is looked at.
    y = Scale(min(math.floor(10 * each.low) * 10 for each in tested.values() if each), 100, HEIGHT, TOP)
    placed = []
    for cell in cells:
        test = tested[cell.cell.dataset, cell.cell.backbone]
        assert test is not None  # chosen so above
        share, low, high = (100 * value for value in (test.correct / test.total, test.low, test.high))
        time = words.duration_interval(cell.median_ns, cell.middle_ns)
        name = words.backbone(results, cell.cell.dataset, cell.cell.backbone)
        hover = f"{name}, {cell_name(cell)}: {time}, accuracy {words.accuracy(test)}"
        point = Point(x.at(cell.middle_ns or 1.0), y.at(share), y.at(low), y.at(high), hover, name)
        placed.append((share, point))
    best = frontier([(cell.middle_ns or 1.0, share) for cell, (share, _) in zip(cells, placed, strict=True)])
    front = [placed[index][1] for index in best]
    steps = [(front[0].x, front[0].y), *((x, y) for one, two in pairwise(front) for x, y in ((two.x, one.y), (two.x, two.y)))]
    series = [Series(FRONTIER, (), "M" + " L".join(f"{x} {y}" for x, y in steps), dashed=True)]
    runtimes = sorted({cell.cell.runtime for cell in cells}, key=colour)
    points = list(zip(cells, _named([point for _, point in placed]), strict=True))
    series += [Series(colour(runtime), tuple(point for cell, point in points if cell.cell.runtime == runtime)) for runtime in runtimes]
    first = cells[0].cell
    legend = (*((colour(runtime), runtime) for runtime in runtimes), (FRONTIER, "dashed: nothing is both faster and more accurate"))
    ticks = tuple(Tick(x.at(value), words.duration(value)) for value in x.ticks())
    named = f"Accuracy against latency: {first.dataset} on {first.provider}"
    return Plot(named, WIDE, "latency, log scale", "accuracy, %", ticks, _marked(y), tuple(series), legend=tuple(legend))


def _named(points: Sequence[Point]) -> list[Point]:
    """The points with one name a backbone, at its fastest, as the others lie on the same height, and a place for each name."""
    fastest = {point.label: point for point in sorted(points, key=lambda each: -each.x)}
    marks = [labels.Box(each.x - RADIUS, each.y - RADIUS, each.x + RADIUS, each.y + RADIUS) for each in points]
    marks += [labels.Box(each.x - WHISKER, each.high, each.x + WHISKER, each.low) for each in points]
    names = [labels.Name(label, each.x, each.y) for label, each in fastest.items()]
    places = dict(zip(fastest, labels.place(names, marks, labels.Box(LEFT, 0, WIDE, HEIGHT)), strict=True))
    return [replace(each, place=places[each.label]) if fastest[each.label] is each else replace(each, label="") for each in points]


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points (time, accuracy) of which none other is as fast and more accurate, or faster and as accurate; fastest first."""
    found: list[int] = []
    for index in sorted(range(len(points)), key=lambda each: (points[each][0], -points[each][1])):
        if not found or points[index][1] > points[found[-1]][1]:
            found.append(index)
    return found


def _training(results: Results, subject: Subject, what: str) -> Plot:
    history = subject.history
    x = Scale(history[0].number, history[-1].number, LEFT, NARROW - RIGHT)
    told = {
        kind: [(each.number, value) for each in history if (value := _value(each, kind, what)) is not None] for kind in ("train", "val")
    }
    values = [value for of in told.values() for _, value in of] or [1.0]
    # A first epoch of random weights may be a hundred times worse than the rest: a scale of ratios shows both.
    wide = what == "loss" and min(values) > 0 and max(values) > 20 * min(values)
    y = Scale(min(values), max(values), HEIGHT, TOP, log=True) if wide else _up(0, 100 if what == "accuracy" else max(values), HEIGHT)
    series = []
    for number, (kind, of) in enumerate(told.items()):
        points = tuple(
            Point(x.at(epoch), y.at(value), y.at(value), y.at(value), f"epoch {epoch}, {kind} {what}: {value:.3g}") for epoch, value in of
        )
        series.append(Series(number, points if len(points) <= 40 else (), _path(points)))
    cuts = tuple(Tick((x.at(one.number) + x.at(two.number)) / 2, two.phase) for one, two in pairwise(history) if one.phase != two.phase)
    unit = ", %" if what == "accuracy" else ", log scale" if wide else ""
    ticks = tuple(Tick(x.at(value), f"{value:.0f}") for value in x.ticks() if value == round(value))
    name = words.backbone(results, subject.dataset, subject.backbone)
    return Plot(
        f"Training, {what}: {name}", NARROW, "epoch", what + unit, ticks, _marked(y), tuple(series), cuts, ((0, "train"), (1, "validation"))
    )


def _value(epoch: Epoch, kind: str, what: str) -> float | None:
    losses = {"train": epoch.train_loss, "val": epoch.val_loss}
    return losses[kind] if what == "loss" else 100 * {"train": epoch.train_accuracy, "val": epoch.val_accuracy}[kind]


def _up(low: float, high: float, bottom: float) -> Scale:
    return Scale(low, high if high > low else low + 1, bottom, TOP)


def _marked(scale: Scale) -> tuple[Tick, ...]:
    return tuple(Tick(scale.at(value), f"{value:.4g}") for value in scale.ticks())


def _path(points: Sequence[Point]) -> str:
    return "M" + " L".join(f"{point.x} {point.y}" for point in points) if points else ""
