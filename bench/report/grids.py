"""Heat maps as data: the checks of the gate, the stage ledger, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import get_args

from bench.report import words
from bench.results import Check, Confusion, ParityRow, Results

CELL_WIDTH, CELL_HEIGHT, LABEL, HEAD = 74, 22, 250, 24
SQUARE, MOST_CLASSES, PAIRS, CHARACTERS = 24, 30, 20, 26
GOOD, BAD, OPEN = 3, 4, 5
# How full a field may be. Its word is black on a light page; on a dark one it is white, and black in fields fuller than DEEP: a contrast of
# 4.5 at least (tests/bench/test_colours.py).
FULLEST = 0.8
DEEP = {GOOD: 0.525, BAD: 0.69, OPEN: 0.6}


@dataclass(frozen=True)
class Square:
    """One field: colour and how full it is (0 to 1), the word in it, and what it says in words."""

    x: float
    y: float
    colour: int
    full: float
    text: str
    hover: str

    @property
    def deep(self) -> bool:
        """Whether its word is black on a dark page, too."""
        return self.full > DEEP[self.colour]


@dataclass(frozen=True)
class Name:
    """The name of a row or a column, and where it stands."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Grid:
    """`rows` end at their names' places, `columns` stand in the middle above their fields. `notes`: what has no room in it."""

    title: str
    width: float
    height: float
    across: float
    down: float
    rows: tuple[Name, ...]
    columns: tuple[Name, ...]
    squares: tuple[Square, ...]
    notes: tuple[str, ...] = ()


def checks(results: Results) -> list[Grid]:
    """Which check of the gate found a problem where: a row for each variant in each runtime, a grid for each backbone and provider."""

    def place(row: ParityRow) -> tuple[str, str, str]:
        return row.dataset, row.backbone, row.provider

    return [_checks(results, list(rows)) for _, rows in groupby(sorted(results.parity, key=place), key=place)]


def ledger(results: Results) -> list[Grid]:
    """The share of images that are equal after each stage, of every runtime that was looked into."""
    reports = [report for report in results.stages if report.stages]
    if not reports:
        return []
    names = list(dict.fromkeys(each.stage for report in reports for each in report.stages))
    rows = [f"{report.backbone} {report.variant} {report.runtime}" for report in reports]
    squares = []
    for row, report in enumerate(reports):
        for each in report.stages:
            x, y = LABEL + CELL_WIDTH * names.index(each.stage), HEAD + CELL_HEIGHT * row
            share = each.equal / each.images if each.images else 0.0
            far = "" if each.max_difference is None else f", largest difference {words.small(each.max_difference)}"
            hover = f"{rows[row]}, {each.stage}: {each.equal} of {each.images} images equal{far}"
            tone = OPEN if not each.images else GOOD if share == 1 else BAD
            squares.append(Square(x, y, tone, min(1 - share, FULLEST) if tone == BAD else 0.25, f"{each.equal}/{each.images}", hover))
    return [_grid("Stage ledger: images equal to the reference's, stage by stage", rows, names, squares)]


def confusions(results: Results) -> list[Grid]:
    """What the reference calls the images of each class; beyond 30 classes the pairs that are taken for each other most often."""
    return [_confusion(results, each) for each in results.confusions]


def _checks(results: Results, rows: Sequence[ParityRow]) -> Grid:
    names = list(get_args(Check))
    squares = []
    for number, row in enumerate(rows):
        for column, name in enumerate(names):
            bad = name in row.checks
            made = name in row.made
            tone = BAD if bad else GOOD if made else OPEN
            said = "found a problem" if bad else "found nothing" if made else "not made" if row.judged else "not judged"
            place = (LABEL + CELL_WIDTH * column, HEAD + CELL_HEIGHT * number)
            text = {BAD: "bad", GOOD: "ok", OPEN: "-"}[tone]
            squares.append(Square(*place, tone, FULLEST if bad else 0.25, text, f"{row.runtime} {row.variant}, {name}: {said}"))
    first = rows[0]
    named = f"The gate's checks: {words.backbone(results, first.dataset, first.backbone)} on {first.provider}"
    return _grid(named, [f"{row.runtime} {row.variant}" for row in rows], names, squares)


def _confusion(results: Results, found: Confusion) -> Grid:
    images = sum(each.images for each in found.counts)
    named = f"What the reference calls {images} images: {words.backbone(results, found.dataset, found.backbone)} on {found.provider}"
    wrong = sorted((each for each in found.counts if each.truth != each.called), key=lambda each: -each.images)
    if len(found.classes) > MOST_CLASSES:
        shown = tuple(f"{each.truth} called {each.called}: {each.images}" for each in wrong[:PAIRS])
        more = f"{len(wrong) - PAIRS} more pairs" if len(wrong) > PAIRS else ""
        right = f"{sum(each.images for each in found.counts if each.truth == each.called)} of {images} right"
        return Grid(named, 0, 0, 0, 0, (), (), (), tuple(filter(None, (right, *shown, more))))
    order = {name: number for number, name in enumerate(found.classes)}
    of = {name: sum(each.images for each in found.counts if each.truth == name) for name in found.classes}
    squares = tuple(
        Square(
            LABEL + SQUARE * order[each.called],
            HEAD + SQUARE * order[each.truth],
            GOOD if each.truth == each.called else BAD,
            round(0.2 + 0.6 * each.images / of[each.truth], 2),
            str(each.images),
            f"{each.truth} called {each.called}: {each.images} of {of[each.truth]}",
        )
        for each in found.counts
    )
    rows = tuple(
        Name(LABEL - 8, HEAD + SQUARE * (number + 0.5) + 4, f"{words.short(name, CHARACTERS)}  {number + 1}")
        for number, name in enumerate(found.classes)
    )
    columns = tuple(Name(LABEL + SQUARE * (number + 0.5), HEAD - 8, str(number + 1)) for number in range(len(found.classes)))
    size = SQUARE * len(found.classes)
    notes = ("rows: the data set's label; columns: what it was called, by the row's number",)
    return Grid(named, LABEL + size + 8, HEAD + size + 4, SQUARE, SQUARE, rows, columns, squares, notes)


def _grid(title: str, rows: Sequence[str], columns: Sequence[str], squares: Sequence[Square]) -> Grid:
    return Grid(
        title,
        LABEL + CELL_WIDTH * len(columns) + 8,
        HEAD + CELL_HEIGHT * len(rows) + 4,
        CELL_WIDTH,
        CELL_HEIGHT,
        tuple(Name(LABEL - 8, HEAD + CELL_HEIGHT * (number + 0.5) + 4, name) for number, name in enumerate(rows)),
        tuple(Name(LABEL + CELL_WIDTH * (number + 0.5), HEAD - 8, name) for number, name in enumerate(columns)),
        tuple(squares),
    )
