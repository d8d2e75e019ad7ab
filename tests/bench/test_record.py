"""The record of pytest-benchmark: why there is none, and what a run without one says."""

from __future__ import annotations

import pytest

from bench import record, run
from bench.report import write
from contract.errors import EnvironmentFault
from tests.bench import made


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
