"""Charts by hand: where marks stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import charts, words
from bench.report.scale import TICKS, Scale
from bench.results import Interval
from tests.bench import made

ROOM = charts.WIDTH - charts.LABEL - 70


def at(share: float) -> float:
    return pytest.approx(charts.LABEL + ROOM * share, abs=0.1)


def test_latency_with_intervals():
    slow = made.measured("eager", "torch-eager", median=8_000_000, median_ns=Interval(8e6, 7e6, 10e6))
    fast = made.measured("raw-dynamic", "ort-rust", median=2_000_000, median_ns=Interval(2e6, 1e6, 3e6))
    broken = made.measured("raw-static", "ort-rust", error="died", blocks=(), middle_ns=None, median_ns=None)
    (chart,) = charts.latencies(replace(made.results(), cells=(slow, fast, broken)))
    assert (chart.kind, chart.title) == ("interval", "Latency: resnet18 (random) on cpu")
    one, other = chart.bars
    assert (one.low, one.x, one.high) == (at(0.7), at(0.8), at(1))
    assert (other.low, other.x, other.high) == (at(0.1), at(0.2), at(0.3))
    assert (one.label, other.label) == ("torch-eager", "ort-rust raw-dynamic")
    assert (one.colour, other.colour) == (0, 2)
    assert other.y - one.y == charts.ROW
    assert other.hover == "ort-rust raw-dynamic: 2.00 ms [1.00 ms, 3.00 ms], 12 samples"
    assert [tick.text for tick in chart.ticks] == ["0", "2.00 ms", "4.00 ms", "6.00 ms", "8.00 ms", "10.00 ms"]
    assert (chart.ticks[0].x, chart.ticks[-1].x) == (at(0), at(1))


def test_a_median_without_an_interval_is_a_point():
    few = made.measured("raw-dynamic", "ort-rust", median_ns=None)
    (chart,) = charts.latencies(replace(made.results(), cells=(few,)))
    (bar,) = chart.bars
    assert bar.low == bar.x == bar.high == at(1)


def test_backbones_and_providers_have_charts_of_their_own():
    cells = [made.measured("raw-dynamic", "ort-rust")]
    cells += [replace(cells[0], cell=replace(cells[0].cell, **change)) for change in ({"backbone": "regnet_x_400mf"}, {"provider": "cuda"})]
    found = charts.latencies(replace(made.results(), cells=tuple(cells)))
    assert [chart.title for chart in found] == [
        "Latency: regnet_x_400mf (DEFAULT) on cpu", "Latency: resnet18 (random) on cpu", "Latency: resnet18 (random) on cuda",
    ]  # fmt: skip


def test_where_the_time_goes():
    python = made.measured("raw-dynamic", "ort-python", "e2e", split_ns={"decode": 6e6, "logits": 4e6})
    rust = made.measured("raw-dynamic", "ort-rust", "e2e", split_ns={"logits": 2e6, "decode": 3e6})  # as JSON may have it
    (chart,) = charts.stages(replace(made.results(), cells=(python, rust)))
    assert chart.legend == ((0, "decode"), (1, "logits"))
    assert [(bar.label, bar.low, bar.high, bar.colour) for bar in chart.bars] == [
        ("ort-python", at(0), at(0.6), 0), ("", at(0.6), at(1), 1), ("ort-rust", at(0), at(0.3), 0), ("", at(0.3), at(0.5), 1),
    ]  # fmt: skip
    assert chart.bars[3].hover == "ort-rust, logits: 2.00 ms"


def test_noise_has_a_chart_for_each_backbone_and_long_names_are_cut():
    run = made.results()
    assert run.noise is not None
    control = next(each for each in run.noise.controls if each.ratio is not None)
    other = replace(control, cell=replace(control.cell, backbone="regnet_x_400mf", variant="a" * 50))
    found = charts.noise(replace(run, noise=replace(run.noise, controls=(control, other))))
    assert [chart.title.rpartition(": ")[2] for chart in found] == ["regnet_x_400mf (DEFAULT) on cpu", "resnet18 (random) on cpu"]
    (bar,) = found[0].bars
    assert (len(bar.label), bar.label[-1]) == (charts.LONGEST, "…")
    assert "a" * 50 in bar.hover


def test_nothing_measured_has_no_charts():
    assert not any(charts.by_kind(replace(made.results(), cells=(), contrasts=(), noise=None)))


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (10, [0, 2, 4, 6, 8, 10]),
        (7, [0, 2, 4, 6]),
        (1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (49, [0, 10, 20, 30, 40]),
        (26, [0, 10, 20]),
        (1200, [0, 500, 1000]),
    ],
)
def test_ticks_are_round(most, expected):
    assert Scale(0, most, 0, 1).ticks() == pytest.approx(expected)


@given(st.floats(1e-3, 1e15))
def test_ticks_fit(most):
    found = Scale(0, most, 0, 1).ticks()
    assert 2 <= len(found) <= TICKS + 1
    assert found[0] == 0
    assert found[-1] <= most * (1 + 1e-8)


def test_parts_come_as_an_image_goes_through_them():
    said = {"label": 1.0, "other": 2.0, "read": 0.5, "decode": 3.0, "logits": 4.0, "resize": 5.0}
    assert [stage for stage, _ in words.in_order(said)] == ["read", "decode", "resize", "logits", "label", "other"]
    assert dict(words.in_order(said)) == said
