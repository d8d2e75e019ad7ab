"""benchmark.json is what others read: pytest-benchmark by its own command, others by the fields that they take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import record
from bench.report import write
from tests.bench import made


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    write.store(made.results(), folder)
    record.write(folder / "results.json", folder / "benchmark.json")
    return folder / "benchmark.json"


def test_pytest_benchmark_compares_two(path, tmp_path):
    later = json.loads(path.read_text(encoding="utf-8"))
    for each in later["benchmarks"]:
        each["stats"]["median"] *= 2
    (tmp_path / "later.json").write_text(json.dumps(later), encoding="utf-8")
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(path), str(tmp_path / "later.json"), "--columns=median,rounds"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    rows = [line for line in done.stdout.splitlines() if line.startswith("test_cell[resnet18/raw-dynamic/ort-rust/cpu/latency-1]")]
    assert len(rows) == 2
    assert any("(2.0" in row for row in rows)


def test_the_fields_that_others_take_are_there(path):
    # Bencher's adapter python_pytest takes fullname, mean and stddev; github-action-benchmark's tool pytest also ops and rounds.
    for each in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]:
        assert each["fullname"].startswith("bench/record/replay.py::test_cell[")
        numbers = [each["stats"][name] for name in ("mean", "stddev", "ops", "rounds")]
        assert all(isinstance(number, int | float) and number >= 0 for number in numbers)
        assert each["stats"]["ops"] == pytest.approx(1 / each["stats"]["mean"])
