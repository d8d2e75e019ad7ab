"""Names beside points, by hand: which side they take, and that they cover nothing where there is room."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bench.report import labels
from bench.report.labels import Box, Name, Place

ROOM = Box(64, 0, 900, 260)


def dot(x: float, y: float) -> Box:
    return Box(x - 5, y - 5, x + 5, y + 5)


def test_a_box_is_as_wide_as_its_text_is_thought_to_be():
    assert labels.width("resnet18") == 8 * labels.NARROW
    assert labels.width("蝶x") == labels.BROAD + labels.NARROW
    assert Place(100, 50, "start").box("ab") == Box(100, 38.5, 114, 53.5)
    assert Place(100, 50, "middle").box("ab") == Box(93, 38.5, 107, 53.5)
    assert Place(100, 50, "end").box("ab") == Box(86, 38.5, 100, 53.5)


def test_what_two_boxes_share():
    assert Box(0, 0, 10, 10).shared(Box(8, 6, 20, 20)) == 8
    assert Box(0, 0, 10, 10).shared(Box(10, 0, 20, 10)) == 0  # they touch
    assert Box(0, 0, 10, 4).area == 40


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], Place(408, 104, "start")),
        ([dot(440, 100)], Place(392, 104, "end")),
        ([dot(440, 100), dot(360, 100)], Place(400, 88.5, "middle")),
        ([dot(440, 100), dot(360, 100), dot(400, 85)], Place(400, 119.5, "middle")),
        ([Box(399, 60, 401, 140), dot(440, 100), dot(360, 100)], Place(404, 88.5, "start")),  # its own interval
        ([Box(401, 0, 900, 260), Box(360, 80, 396, 100)], Place(396, 119.5, "end")),
    ],
)
def test_the_first_side_that_is_free(marks, expected):
    assert labels.place([Name("resnet18", 400, 100)], [dot(400, 100), *marks], ROOM) == [expected]


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(890, 100, Place(882, 104, "end")), (70, 2, Place(78, 6, "start")), (890, 2, Place(882, 6, "end"))]
)
def test_a_name_stays_in_the_drawing(x, y, expected):
    (found,) = labels.place([Name("resnet18", x, y)], [dot(x, y)], Box(64, -6, 900, 260))
    assert found == expected


def test_where_nothing_is_free_least_is_covered():
    # All sides but the left are full; there a thin line is in the way.
    marks = [Box(400, 0, 900, 260), Box(64, 0, 400, 90), Box(64, 110, 400, 260), Box(380, 90, 381, 110)]
    assert labels.place([Name("resnet18", 400, 100)], marks, ROOM) == [Place(392, 104, "end")]


@pytest.mark.parametrize("seed", range(20))
def test_crowded_points_and_names_do_not_cover_each_other(seed):
    noise = np.random.default_rng(seed)
    # Columns are hardly farther apart than a name is wide, rows than two are high; a third of the places are taken.
    spots = [(150.0 + 110 * column, 30.0 + 33 * row) for column in range(7) for row in range(7)]
    chosen = [spots[number] for number in noise.permutation(len(spots))[:16]]
    points = [(x + float(noise.uniform(-8, 8)), y + float(noise.uniform(-4, 4))) for x, y in chosen]
    names = [Name("regnet_y_16gf"[: noise.integers(8, 14)], x, y) for x, y in points]
    dots = [dot(x, y) for x, y in points]
    found = [where.box(name.text) for name, where in zip(names, labels.place(names, dots, ROOM), strict=True)]
    assert not [pair for pair in combinations([*dots, *found], 2) if pair[0].shared(pair[1]) > 0]
    assert all(box.shared(ROOM) == box.area for box in found)


def test_nothing_has_no_place():
    assert labels.place([], [dot(1, 1)], ROOM) == []
