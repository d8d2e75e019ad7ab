"""Trying a model before the run is planned, over fake runners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import plan, probe, run
from bench.fleet import Fleet
from bench.measure.again import Scenarios
from contract import protocol as p
from contract.matrix import Matrix
from tests.bench import fakes

MATRIX = fakes.matrix(scenarios=("latency", "load"))


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as made:
        yield made


def planned(folder: Path, matrix: Matrix = MATRIX) -> plan.Plan:
    return plan.make([fakes.subject(folder)], matrix, ("cpu",), measuring=True)


def with_cells(parts: Sequence[plan.Part]) -> list[tuple[plan.Part, Scenarios]]:
    return [(part, run.loaded_and_cold(part, MATRIX, {}, None)[0]) for part in parts]


def test_each_part_is_tried_in_its_base(tmp_path, fleet, monkeypatch):
    asked = []
    ask = probe.Runner.ask
    monkeypatch.setattr(
        probe.Runner, "ask", lambda runner, verb, what, *rest: asked.append((runner.name, verb, what)) or ask(runner, verb, what, *rest)
    )
    found, unknown = probe.parts(with_cells(planned(tmp_path).parts), fleet, tmp_path)
    assert unknown == []
    (expected,) = found
    assert expected.name == "wings/resnet18 on cpu"
    assert expected.load_seconds == 1e-6  # the fake runner says so
    assert 0 < expected.forward_seconds < 1
    assert [(name, verb) for name, verb, _ in asked] == [("ort-python", verb) for verb in ("hello", "load", "time", "unload")]
    _, (_, _, load), (_, _, timed), _ = asked
    assert load.model.endswith("raw-dynamic.onnx")
    assert (timed.warmup, timed.samples, timed.batch) == (1, 1, 1)
    zeros = np.load(timed.tensor)
    assert (zeros.shape, zeros.any()) == ((1, 3, 4, 4), False)
    # Without two equal files the plan has a pair of its own, as measuring will.
    assert [(scenario.name, len(cells)) for scenario, cells in expected.scenarios] == [("latency", 10), ("load", 3)]


def test_a_static_batch_is_divided_among_its_images(tmp_path, fleet, monkeypatch):
    batch = p.ValueInfo("images", (4, 3, 4, 4), "float32")
    loaded = p.Loaded("m1", ("cpu",), None, {}, (batch,), (), None, "00", 1)
    monkeypatch.setattr(probe.Runner, "time", lambda _runner, asked, _seconds: p.Timed((8_000_000,), (asked.batch,), None))
    assert probe.forward_seconds(fleet, "ort-python", loaded, (3, 4, 4), tmp_path) == 0.002
    assert np.load(tmp_path / "probe.npy").shape == (4, 3, 4, 4)


def test_without_the_base_another_cell_is_tried(tmp_path, fleet):
    parts = planned(tmp_path).parts
    kept = tuple(cell for cell in parts[0].cells if cell.runtime == "torch-eager")
    (expected,), unknown = probe.parts(with_cells([replace(parts[0], cells=kept)]), fleet, tmp_path)
    assert (expected.name, unknown) == ("wings/resnet18 on cpu", [])


def test_nothing_to_measure_is_not_tried(tmp_path, fleet):
    parts = plan.make([fakes.subject(tmp_path)], MATRIX, ("cpu",), measuring=False).parts
    assert probe.parts(with_cells(parts), fleet, tmp_path) == ([], [])
    assert not fleet.running("ort-python")


@pytest.mark.parametrize(
    ("fault", "verb", "said"),
    [("crash", "load", "died (signal SIGSEGV)"), ("exit3", "time", "died (exit code 3)"), ("garbage", "unload", "broke the protocol")],
)
def test_a_runner_that_fails_is_said_and_a_fresh_one_answers(tmp_path, fleet, monkeypatch, fault, verb, said):
    fakes.use(monkeypatch, ort_python=fakes.descriptor("ort-python", fault, verb=verb))
    found, (line,) = probe.parts(with_cells(planned(tmp_path).parts), fleet, tmp_path)
    assert found == []
    assert line.startswith(f"forecast: wings/resnet18 on cpu: not known, for the model could not be tried: {said}")
    assert "\n" not in line
    assert not fleet.running("ort-python")
    assert fleet.runner("ort-python").pid


def test_a_model_whose_images_have_no_size(tmp_path, fleet, monkeypatch):
    load = probe.Runner.load
    sizeless = p.ValueInfo("images", (None, 3, None, None), "float32")
    monkeypatch.setattr(probe.Runner, "load", lambda *asked: replace(load(*asked), inputs=(sizeless,)))
    _, (line,) = probe.parts(with_cells(planned(tmp_path).parts), fleet, tmp_path)
    assert line.endswith("could not be tried: the input images has dynamic dimensions beside the batch")
    assert fleet.running("ort-python")  # it did nothing wrong
