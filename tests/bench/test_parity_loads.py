"""What the gate loads: each file once in each runtime to judge it, and one of each runtime before, to see what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.runner import Runner
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
def test_what_is_judged_is_loaded_for_it(tmp_path, monkeypatch, variants):
    fakes.use(monkeypatch)
    seen = loads(monkeypatch)
    assert all(row.passed for row in gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=variants)).rows)
    # The probe's sessions have had their first forward, which is judged, too; PyTorch loads once more for float64 alone.
    files = [f"{name}.onnx" for name in (variants[0], *variants)]
    assert sorted(seen) == sorted([("torch-eager", "train.json")] * 2 + [(name, file) for name in fakes.RUNTIMES[1:] for file in files])


def test_a_runtime_that_is_asked_nothing_is_not_probed(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    seen = loads(monkeypatch)
    gate(tmp_path, fakes.subject(tmp_path), replace(fakes.matrix(), only=parse("ort-python")))
    assert "ort-rust" not in {name for name, _ in seen}
