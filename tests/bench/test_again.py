"""A site without a pair of equal programs gets one, and only such a site."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.measure import pairs
from bench.measure.again import same_program, with_control
from bench.measure.noise import controls
from bench.results import Block, Measured
from contract.matrix import Cell, Scenario
from tests.bench import fakes

LATENCY, LOAD = Scenario("latency", "latency"), Scenario("load", "load")
MODEL = Path("m.onnx")
EQUAL = {("wings", "resnet18", "raw-dynamic", "sim-dynamic"): True}


def site(*cells: Cell) -> list[tuple[Scenario, list[tuple[Cell, Path]]]]:
    return [(LOAD, []), (LATENCY, [(cell, MODEL) for cell in cells])]


def names(scenarios: list[tuple[Scenario, list[tuple[Cell, Path]]]]) -> list[tuple[str, str]]:
    return [(cell.variant, cell.runtime) for _, cells in scenarios for cell, _ in cells]


def test_a_site_without_a_pair_gets_its_base_again():
    cells = [fakes.cell("eager", "torch-eager"), fakes.cell("raw-dynamic", "ort-rust"), fakes.cell("raw-dynamic", "ort-python")]
    assert names(with_control(site(*cells), {}))[3:] == [("raw-dynamic again", "ort-python")]
    assert names(with_control(site(*cells[:2]), {}))[2:] == [("raw-dynamic again", "ort-rust")]
    assert names(with_control(site(cells[0]), {}))[1:] == [("eager again", "torch-eager")]
    assert with_control([(LOAD, [])], {}) == [(LOAD, [])]


def test_a_site_with_equal_graphs_has_a_pair():
    cells = [fakes.cell(variant, "ort-python") for variant in ("raw-dynamic", "sim-dynamic")]
    assert with_control(site(*cells), EQUAL) == site(*cells)
    assert len(names(with_control(site(*cells), {}))) == 3
    apart = [cells[0], replace(cells[1], runtime="ort-rust")]
    assert len(names(with_control(site(*apart), EQUAL))) == 3


def test_a_file_timed_again_is_a_control_and_no_contrast():
    one, again = fakes.cell("raw-dynamic", "ort-python"), fakes.cell("raw-dynamic again", "ort-python")
    assert same_program(one, again, {})
    assert same_program(again, fakes.cell("sim-dynamic", "ort-python"), EQUAL)
    assert not same_program(one, fakes.cell("raw-static", "ort-python"), EQUAL)
    assert not same_program(one, replace(again, scenario="load"), {})
    assert pairs.count([one, again]) == 0
    blocks = tuple(Block(process, 0, half, (100 + process,), 0, 0, {}, None) for process in range(3) for half in (0, 1))
    measured = [Measured(cell, None, blocks, {}, 6, None, None, {}, None, {}, "latency", 1.0) for cell in (one, again)]
    (found,) = controls(measured, {})
    assert (found.cell, found.other, found.different) == (one, again, False)
