"""Charts over two scales, heat maps and single images, by hand: where marks stand, and what they say."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import charts, gallery, grids, plots
from bench.report.labels import Box
from bench.report.scale import Scale
from bench.results import Control, Epoch, Interval, Noise
from contract.manifest import Accuracy
from tests.bench import drawn, made


def rated(runtime: str, batch: int, rate: float, variant: str = "raw-dynamic"):
    return made.measured(variant, runtime, "throughput", batch, images_per_second=Interval(rate, rate - 1, rate + 2))


def test_a_logarithmic_scale_gives_equal_ratios_equal_room():
    scale = Scale(1, 16, 100, 500, log=True)
    assert [scale.at(value) for value in (1, 2, 4, 16)] == [100, 200, 300, 500]
    assert (scale.at(0.1), scale.at(99)) == (100, 500)
    assert scale.ticks() == [1, 2, 5, 10]
    assert Scale(1, 1e6, 0, 1, log=True).ticks() == [10.0**power for power in range(7)]
    assert Scale(0.9, 1.1, 0, 1, log=True).ticks() == pytest.approx([0.9, 0.95, 1.0, 1.05, 1.1])


@given(st.floats(1e-6, 1e6), st.floats(1.0001, 1e6))
def test_marked_values_lie_on_a_logarithmic_scale(low, ratio):
    scale = Scale(low, low * ratio, 0, 1000, log=True)
    found = scale.ticks()
    assert found == sorted(set(found))
    assert all(low * (1 - 1e-6) <= value <= low * ratio * (1 + 1e-6) for value in found)
    assert len(found) <= 14


def test_throughput_is_a_line_for_each_runtime_over_batches():
    cells = [rated(runtime, batch, rate) for runtime, rate in (("ort-python", 40), ("ort-rust", 42)) for batch in (1, 2, 4)]
    cells.append(rated("ort-rust", 1, 1000, "sim-static"))
    (found,) = plots.curves(replace(made.results(), cells=tuple(cells)))
    assert found.title == "Throughput over batch sizes: resnet18 (random) on cpu"
    assert [tick.text for tick in found.x_ticks] == ["1", "2", "4"]
    python, rust = found.series
    assert (python.colour, rust.colour) == (1, 2)
    assert [point.x for point in python.points] == [tick.x for tick in found.x_ticks]
    assert all(point.high < point.y < point.low for point in python.points)  # upwards is less
    assert python.points[0].y > rust.points[0].y
    assert rust.path == "M" + " L".join(f"{point.x} {point.y}" for point in rust.points)
    assert rust.points[1].hover == "ort-rust raw-dynamic, batch 2: 42.00 [41.00, 44.00] images/s"
    assert plots.curves(replace(made.results(), cells=(cells[0],))) == []  # one batch is no curve


def test_the_frontier_leaves_out_what_is_slower_and_no_better():
    assert plots.frontier([(3, 90), (1, 80), (2, 70), (4, 90), (1, 60)]) == [1, 0]


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 100)), min_size=1, max_size=12))
def test_every_point_is_on_the_frontier_or_behind_one_that_is(points):
    front = [points[index] for index in plots.frontier(points)]
    assert all(any(time <= each[0] and share >= each[1] for time, share in front) for each in points)
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(front))


def test_accuracy_against_latency_names_each_backbone_once():
    first, second = made.results().subjects
    cells = [
        made.measured("raw-dynamic", "ort-python", median=2_000_000),
        made.measured("raw-dynamic", "ort-rust", median=1_000_000),
        made.measured("raw-static", "ort-rust", median=500_000),
    ]
    cells += [replace(cells[0], cell=replace(cells[0].cell, backbone="regnet_x_400mf"), middle_ns=4_000_000.0)]
    second = replace(second, test=Accuracy(150, 300, 0.44, 0.56))
    (found,) = plots.paretos(replace(made.results(), cells=tuple(cells), subjects=(first, second)))
    front, python, rust = found.series
    assert [point.label for point in (*python.points, *rust.points)] == ["", "regnet_x_400mf (DEFAULT)", "resnet18 (random)"]
    assert front.path == f"M{rust.points[0].x} {rust.points[0].y}"  # it is the fastest and the most accurate
    worse = python.points[1]
    assert worse.y == pytest.approx(plots.HEIGHT - (plots.HEIGHT - plots.TOP) * 10 / 60, abs=0.1)  # 50 % on a scale from 40 to 100
    assert "50.0 % [44.0, 56.0] (150 of 300)" in worse.hover
    assert plots.paretos(replace(made.results(), cells=tuple(cells[:2]))) == []  # one backbone is no choice


def test_names_in_a_crowd_cover_no_point_and_no_other_name():
    (found,) = plots.paretos(drawn.crowd())
    points = [point for series in found.series for point in series.points]
    names = [point.place.box(point.label) for point in points if point.place]
    assert (len(points), len(names)) == (24, 6)
    assert all((point.place is None) == (point.label == "") for point in points)
    dots = [Box(each.x - 5, each.y - 5, each.x + 5, each.y + 5) for each in points]
    assert not [pair for pair in combinations(names, 2) if pair[0].shared(pair[1]) > 0]
    assert not [(name, each) for name in names for each in dots if name.shared(each) > 0]


@pytest.mark.parametrize("runtime", [*charts.RUNTIMES, "openvino"])
def test_the_frontier_is_dashed_in_a_colour_that_no_runtime_has(runtime):
    cells = [made.measured("eager" if runtime == "torch-eager" else "raw-dynamic", runtime)]
    cells += [replace(cells[0], cell=replace(cells[0].cell, backbone="regnet_x_400mf"), middle_ns=8_000_000.0)]
    (found,) = plots.paretos(replace(made.results(), cells=tuple(cells)))
    front, points = found.series
    assert (front.dashed, points.dashed) == (True, False)
    assert front.colour != points.colour
    assert [colour for colour, _ in found.legend] == [points.colour, front.colour]


def test_training_has_a_line_where_the_phase_ends():
    loss, accuracy = plots.trainings(made.results())[0]
    assert [tick.text for tick in loss.cuts] == ["all"]
    assert loss.x_ticks[1].x < loss.cuts[0].x < loss.x_ticks[2].x
    assert [len(series.points) for series in loss.series] == [3, 3]
    assert [point.hover for point in accuracy.series[1].points] == [f"epoch {n}, val accuracy: {v}" for n, v in ((1, 20), (2, 40), (3, 70))]


def test_a_loss_that_was_not_finite_is_no_point():
    subject = replace(made.subject(), history=(Epoch(1, "all", None, 0.1, None, 0.1), *made.history()[1:]))
    loss, _ = plots.trainings(replace(made.results(), subjects=(subject,)))[0]
    assert [len(series.points) for series in loss.series] == [2, 2]


def test_ratios_stand_around_one_with_the_colour_of_their_verdict():
    (chart,) = charts.ratios(made.results())
    (strong,) = [tick for tick in chart.ticks if tick.strong]
    assert strong.text == "1"
    bar = next(each for each in chart.bars if each.label == "ort-rust / ort-python, raw-dynamic")
    assert bar.low < bar.x < bar.high < strong.x
    assert bar.colour == charts.VERDICTS["faster"]
    assert bar.hover.endswith("0.975 [0.971, 0.979], faster")
    assert (charts.VERDICTS["faster"], "faster") in chart.legend


def test_noise_shows_pairs_of_equal_programs():
    pair = made.measured("raw-dynamic", "ort-rust").cell
    controls = (Control(pair, pair, Interval(1.2, 1.1, 1.3), 0.001, different=True), Control(pair, pair, None, 1.0, different=None))
    (chart,) = charts.noise(replace(made.results(), noise=Noise(controls, 1, 1, 0.95, 0.1, 4, {}, 0.0)))
    (bar,) = chart.bars
    assert bar.colour == charts.DIFFERENT
    assert bar.hover.endswith("called different")


def test_the_gates_checks_are_a_field_each():
    (grid,) = grids.checks(made.results())
    assert [name.text for name in grid.rows] == [
        "ort-python raw-dynamic", "ort-rust raw-dynamic", "ort-rust sim-static", "ort-rust raw-static",
    ]  # fmt: skip
    said = {square.hover: square.text for square in grid.squares}
    assert said["ort-rust sim-static, labels: found a problem"] == "bad"
    assert said["ort-rust sim-static, logits: found nothing"] == "ok"
    assert said["ort-rust raw-static, logits: not judged"] == "-"
    said = {square.hover: square.text for square in grid.squares}
    assert said["ort-python raw-dynamic, bits: not made"] == said["ort-rust raw-static, bits: not judged"] == "-"


def test_the_ledger_shades_by_the_share_that_differs():
    (grid,) = grids.ledger(made.results())
    by = {square.hover: square for square in grid.squares}
    assert by["resnet18 sim-static ort-rust, decode: 16 of 16 images equal, largest difference 0"].colour == grids.GOOD
    label = by["resnet18 sim-static ort-rust, label: 14 of 16 images equal"]
    assert (label.colour, label.full, label.text) == (grids.BAD, 0.125, "14/16")


def test_confusions_have_the_true_class_as_their_row():
    (grid,) = grids.confusions(made.results())
    assert [name.text for name in grid.rows] == ["MONARCH  1", "VICEROY  2"]
    wrong = next(square for square in grid.squares if square.text == "5")
    assert wrong.hover == "MONARCH called VICEROY: 5 of 25"
    assert (wrong.x, wrong.y) == (grids.LABEL + grids.SQUARE, grids.HEAD)
    assert wrong.colour == grids.BAD


def test_pictures_say_what_all_say_or_who_says_what():
    (found,) = gallery.galleries(made.results())
    right, mistaken, split = found.pictures
    assert (right.tone, right.lines) == ("good", ("all 2: MONARCH, 97.1 %",))
    assert (mistaken.tone, mistaken.lines) == ("open", ("all 2: VICEROY, 97.1 %",))
    assert (split.tone, split.lines) == ("bad", ("torch-eager eager: MONARCH, 97.1 %", "ort-rust raw-dynamic: VICEROY, 97.1 %"))
