"""What the gate loads: each file once in each runtime, and nothing that stays behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.parity.check import check
from bench.progress import Progress
from bench.runner import Runner
from contract.errors import UsageError
from contract.selection import parse
from tests.bench import fakes
from tests.bench.fleets import gate


def loads(monkeypatch) -> list[tuple[str, str]]:
    """Which runner loads which file from now on: a list that grows."""
    seen: list[tuple[str, str]] = []
    true = Runner.load

    def told(self, arguments, *rest: object):
        seen.append((self.name, Path(arguments.model).name))
        return true(self, arguments, *rest)

    monkeypatch.setattr(Runner, "load", told)
    return seen


@pytest.mark.parametrize("variants", [("raw-static",), ("sim-dynamic", "raw-static")])
def test_nothing_is_loaded_twice_but_for_the_referee(tmp_path, monkeypatch, variants):
    fakes.use(monkeypatch)
    seen = loads(monkeypatch)
    assert all(row.passed for row in gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=variants)).rows)
    files = [f"{name}.onnx" for name in variants]
    assert sorted(seen) == sorted([("torch-eager", "train.json")] * 2 + [(name, file) for name in fakes.RUNTIMES[1:] for file in files])


def test_a_runtime_that_is_asked_nothing_is_not_probed(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    seen = loads(monkeypatch)
    gate(tmp_path, fakes.subject(tmp_path), replace(fakes.matrix(), only=parse("ort-python")))
    assert "ort-rust" not in {name for name, _ in seen}


def test_no_model_is_left_behind_by_a_subject_that_cannot_be_judged(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    fakes.save_model(subject.folder / "weights.npy", np.abs(fakes.weights()) * [1, 0, 0])
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet:
        with pytest.raises(UsageError, match="one label"):
            check(subject, fleet, fakes.matrix(), "cpu", tmp_path, Progress(1))
        assert [name for name in fakes.RUNTIMES if fleet.running(name)] == ["torch-eager"]
