"""What measuring is going to be worth, by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench import ratios
from bench.measure import forecast
from bench.measure.campaign import Site
from bench.measure.group import Inputs
from contract.matrix import Measure, Scenario
from tests.bench import fakes


def site(name: str = "wings/resnet18 on cpu") -> Site:
    cells = [(fakes.cell(runtime=runtime), Path("m.onnx")) for runtime in fakes.RUNTIMES[1:]]
    batches = [(fakes.cell(runtime=runtime, scenario="throughput", batch=8), Path("m.onnx")) for runtime in fakes.RUNTIMES[1:]]
    return Site(
        name, [(Scenario("latency", "latency"), cells), (Scenario("throughput", "throughput", 8), batches)], Inputs((), Path(), None, 0)
    )


def test_by_hand():
    # 3 s of starting and one file of each runtime at 0.1 s: 3.1 s. Four generations of 15 s in 60 s, of which 11.9 s are measured,
    # half of them by each group: 3 samples of 20 ms in each of 4 blocks are 0.24 s a round, a batch of 160 ms in each of 4 is 0.64 s.
    latency, throughput = forecast.forecast([site()], [0.02], Measure(60.0, 16))
    assert (latency.group, latency.cells) == ("wings/resnet18 on cpu: latency-1", 2)
    assert (latency.processes, latency.samples, throughput.samples) == (4, 4 * 24 * 2 * 2, 4 * 9 * 2)
    # A process scatters by 0.5 %, and by 1.25 x 4 % over the root of its rounds.
    sd = math.hypot(0.005, 0.05 / math.sqrt(24))
    assert latency.mde == pytest.approx(ratios.smallest_detectable(ratios.Evidence(0.0, sd, 4)))
    assert latency.mde < throughput.mde


@pytest.mark.parametrize(("seconds", "processes"), [(1.0, 4), (1e6, 16)])
def test_four_processes_at_least_and_restarts_at_most(seconds, processes):
    assert {each.processes for each in forecast.forecast([site()], [0.02], Measure(seconds, 16))} == {processes}


def test_sites_share_the_budget():
    found = forecast.forecast([site("a"), site("b")], [0.02, 0.5], Measure(120.0, 16))
    cheap, costly = found[0], found[2]
    assert (cheap.group, costly.group) == ("a: latency-1", "b: latency-1")
    assert cheap.processes >= costly.processes
    assert cheap.samples > costly.samples


def test_lines():
    line, _ = forecast.lines([site()], [0.02], Measure(60.0, 16))
    assert line.startswith(
        "forecast: wings/resnet18 on cpu: latency-1: 2 cells, 4 processes, 384 samples a cell, finds 5.7% if single comparisons"
    )


def test_every_batch_of_a_scenario_is_a_group_of_its_own():
    curve = Scenario("curve", "throughput", (1, 8))
    batches = [(curve, [(fakes.cell(runtime=name, scenario="curve", batch=n), Path("m.onnx")) for name in fakes.RUNTIMES]) for n in (1, 8)]
    one, eight = forecast.forecast([Site("s", batches, Inputs((), Path(), None, 0))], [0.02], Measure(60.0, 16))
    assert (one.group, eight.group) == ("s: curve-1", "s: curve-8")
    assert one.samples > eight.samples
