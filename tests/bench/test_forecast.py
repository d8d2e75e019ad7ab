"""What measuring is going to be worth, by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench import ratios
from bench.measure import forecast
from bench.measure.forecast import Expected
from contract.matrix import Measure, Scenario
from tests.bench import fakes


def site(name: str = "wings/resnet18 on cpu", seconds: float = 0.02) -> Expected:
    cells = [(fakes.cell(runtime=runtime), Path("m.onnx")) for runtime in fakes.RUNTIMES[1:]]
    batches = [(fakes.cell(runtime=runtime, scenario="throughput", batch=8), Path("m.onnx")) for runtime in fakes.RUNTIMES[1:]]
    scenarios = [(Scenario("latency", "latency"), cells), (Scenario("throughput", "throughput", 8), batches)]
    return Expected(name, scenarios, seconds, 5 * seconds)


def test_by_hand():
    # 3 s of starting and one file of each runtime at 0.1 s: 3.1 s. Seven generations of 8.6 s in 60 s, of which 5.5 s are measured,
    # half of them by each group: 3 samples of 20 ms in each of 4 blocks are 0.24 s a round, a batch of 160 ms in each of 4 is 0.64 s.
    latency, throughput = forecast.forecast([site()], Measure(60.0, 16))
    assert (latency.group, latency.cells) == ("wings/resnet18 on cpu: latency-1", 2)
    assert (latency.processes, latency.samples, throughput.samples) == (7, 7 * 11 * 2 * 2, 7 * 4 * 2)
    # A process scatters by 0.5 %, and by 1.25 x 4 % over the root of its rounds.
    sd = math.hypot(0.005, 0.05 / math.sqrt(11))
    assert latency.mde == pytest.approx(ratios.smallest_detectable(ratios.Evidence(0.0, sd, 7)))
    assert latency.mde < throughput.mde


def test_rounds_that_take_long_make_longer_generations():
    # A forward of 0.5 s: starting and loading 5.5 s, a round of latency 2 s, of throughput 16 s. With four of both a generation takes
    # 77.5 s, and 600 s have seven: 85.7 s each, of which each group measures 40.1. By the start alone there were sixteen.
    _, throughput = forecast.forecast([site(seconds=0.5)], Measure(600.0, 16))
    assert (throughput.processes, throughput.samples) == (7, 7 * 2 * 2)


def test_a_sample_of_load_is_a_session():
    load = Scenario("load", "load")
    cells = [fakes.cell(scenario="load"), fakes.cell(runtime="ort-rust", scenario="load")]
    site = Expected("x", [(load, [(cell, Path("m.onnx")) for cell in cells])], 0.02, 0.05)
    # Two blocks of one sample for each cell: at 50 ms a block needs no second one, and nothing is warmed up.
    assert site.round_seconds(load, cells) == pytest.approx(4 * 0.05)
    (found,) = forecast.forecast([site], Measure(60.0, 16))
    assert found.group == "x: load-1"
    assert found.samples == found.processes * 2 * int((60 / 7 - 3.05) / 0.2)


def test_files_are_loaded_side_by_side_by_runtime():
    cells = [fakes.cell(variant, runtime) for variant in fakes.VARIANTS[:3] for runtime in ("ort-python", "ort-rust")][:5]
    loaded = [(cell, Path(f"{cell.variant}.onnx")) for cell in cells]
    # Three files of ort-python; a cell of another scenario needs no other file.
    assert Expected("x", [(Scenario("a", "latency"), loaded), (Scenario("b", "load"), loaded[:1])], 0.02, 0.5).loading_seconds == 1.5
    assert Expected("x", [], 0.02, 0.5).loading_seconds == 0.0


@pytest.mark.parametrize(("seconds", "processes"), [(1.0, 4), (1e6, 16)])
def test_four_processes_at_least_and_restarts_at_most(seconds, processes):
    assert {each.processes for each in forecast.forecast([site()], Measure(seconds, 16))} == {processes}


def test_three_processes_are_enough_where_the_matrix_says_so():
    assert {each.processes for each in forecast.forecast([site()], Measure(1.0, 16, generations=3))} == {3}


def test_measuring_takes_its_budget_or_what_its_least_processes_cost():
    assert forecast.expected_seconds([site()], Measure(60.0)) == 60.0
    # A generation: 3 s of starting, 0.1 s of loading, and one round of each group.
    assert forecast.expected_seconds([site()], Measure(1.0)) == pytest.approx(4 * (3 + 0.1 + 0.24 + 0.64))


def test_sites_share_the_budget():
    found = forecast.forecast([site("a"), site("b", 0.5)], Measure(120.0, 16))
    cheap, costly = found[0], found[2]
    assert (cheap.group, costly.group) == ("a: latency-1", "b: latency-1")
    assert cheap.processes >= costly.processes
    assert cheap.samples > costly.samples


def test_lines():
    line, _ = forecast.lines([site()], Measure(60.0, 16))
    assert line.startswith(
        "forecast: wings/resnet18 on cpu: latency-1: 2 cells, 7 processes, 308 samples a cell, finds 3.7% if single comparisons"
    )


def test_nothing_to_measure_has_no_forecast():
    assert forecast.lines([], Measure(60.0, 16)) == []


def test_only_what_is_notably_other_is_said_again():
    before = [site("a"), site("b", 0.05)]
    assert forecast.changed(before, before, Measure(120.0, 16)) == []
    # Of a, throughput failed parity: latency gets its time, and finds more.
    now = [replace(before[0], scenarios=before[0].scenarios[:1]), before[1]]
    (line,) = forecast.changed(before, now, Measure(120.0, 16))
    assert line.startswith("forecast: a: latency-1: 2 cells, ")
    # b is gone altogether, and its time with it.
    assert all(line.startswith("forecast: a: ") for line in forecast.changed(before, before[:1], Measure(120.0, 16)))
    assert forecast.changed(before[:1], before, Measure(120.0, 16))[-1].startswith("forecast: b: throughput-8: 2 cells")


def test_every_batch_of_a_scenario_is_a_group_of_its_own():
    curve = Scenario("curve", "throughput", (1, 8))
    batches = [(curve, [(fakes.cell(runtime=name, scenario="curve", batch=n), Path("m.onnx")) for name in fakes.RUNTIMES]) for n in (1, 8)]
    one, eight = forecast.forecast([Expected("s", batches, 0.02, 0.1)], Measure(60.0, 16))
    assert (one.group, eight.group) == ("s: curve-1", "s: curve-8")
    assert one.samples > eight.samples


def test_without_time_there_is_nothing_to_say():
    assert forecast.lines([site()], None) == forecast.changed([], [site()], None) == []
