"""What measuring is going to be worth, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    # 20 ms a forward: 4 samples of 20 ms in each of 4 blocks, and a batch of 160 ms in each of 4: 0.96 s a round.
    # With 5 s of starting and 2 files at 0.1 s that is 6.16 s a generation: 9 of them in 60 s.
    latency, throughput = forecast.forecast([site()], [0.02], Measure(60.0, 16))
    assert (latency.group, latency.cells) == ("wings/resnet18 on cpu: latency", 2)
    assert (latency.processes, latency.samples, throughput.samples) == (9, 9 * 2 * 3, 9 * 2)
    assert latency.mde == throughput.mde == pytest.approx(0.0182, abs=1e-4)


@pytest.mark.parametrize(("seconds", "processes"), [(1.0, 3), (1e6, 16)])
def test_three_processes_at_least_and_restarts_at_most(seconds, processes):
    assert {each.processes for each in forecast.forecast([site()], [0.02], Measure(seconds, 16))} == {processes}


def test_sites_share_the_budget():
    found = forecast.forecast([site("a"), site("b")], [0.02, 0.5], Measure(120.0, 16))
    assert [each.processes for each in found] == sorted((each.processes for each in found), reverse=True)
    assert len({each.processes for each in found}) == 2


def test_lines():
    line, _ = forecast.lines([site()], [0.02], Measure(60.0, 16))
    assert line.startswith("forecast: wings/resnet18 on cpu: latency: 2 cells, 9 processes, 54 samples a cell, finds 1.8% if processes")
