"""The record of pytest-benchmark: what it holds, why there is none, and what a run without one says."""

from __future__ import annotations

import json
import socket

import pytest

from bench import record, run
from bench.report import write
from contract import strict
from contract.errors import EnvironmentFault
from tests.bench import made


def test_the_record_holds_exactly_the_samples(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    results = made.results()
    write.store(results, tmp_path)
    record.write(tmp_path / "results.json", tmp_path / "benchmark.json")
    text = (tmp_path / "benchmark.json").read_text(encoding="utf-8")
    found = json.loads(text)
    taken = [cell for cell in results.cells if cell.error is None]
    assert len(found["benchmarks"]) == len(taken)
    for each, cell in zip(found["benchmarks"], taken, strict=True):
        samples = [sample for block in cell.blocks for sample in block.samples_ns]
        assert [round(seconds * 1e9) for seconds in each["stats"]["data"]] == samples
        assert each["stats"]["data"] == pytest.approx([sample / 1e9 for sample in samples], abs=1e-14)
        assert each["extra_info"] | strict.plain(cell.cell) == each["extra_info"]
        assert each["extra_info"]["ops_are"] == "batches per second"
    assert "node" not in found["machine_info"]
    assert json.dumps(socket.gethostname()) not in text


def test_a_record_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(EnvironmentFault, match=r"(?s)could not write the record.*missing key"):
        record.write(tmp_path / "results.json", tmp_path / "benchmark.json")


def test_a_record_that_takes_too_long_says_so(tmp_path, monkeypatch):
    write.store(made.results(), tmp_path)
    (tmp_path / "benchmark.json").write_text("an earlier one")
    monkeypatch.setattr(record, "SECONDS", 0.01)
    with pytest.raises(EnvironmentFault, match=r"benchmark\.json: pytest-benchmark had not written the record after 0\.01 s") as caught:
        record.write(tmp_path / "results.json", tmp_path / "benchmark.json")
    assert caught.value.next.startswith(f"python -m bench report {tmp_path}, when")
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "benchmark.json"}
    assert (tmp_path / "benchmark.json").read_text() == "an earlier one"


@pytest.mark.parametrize(("code", "expected"), [(0, 2), (1, 1), (2, 2)])
def test_a_record_that_cannot_be_written_costs_no_run_its_verdict(tmp_path, monkeypatch, code, expected):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    write.publish(tmp_path / "old")
    monkeypatch.setattr(record, "SECONDS", 0.01)
    results = run.finish(made.results(), tmp_path / "new", code)
    assert results.exit_code == expected
    assert write.load(tmp_path / "latest") == results
    assert (tmp_path / "latest").resolve() == tmp_path / "new"
    assert not (tmp_path / "new" / "benchmark.json").exists()
    for name in ("index.html", "summary.md", "tables.txt", "junit.xml"):
        assert "had not written the record" in (tmp_path / "new" / name).read_text(encoding="utf-8"), name
