"""Programs that behave, and such as do not; the table; and the real ones, for a moment."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from bench.overhead import command, null_model, programs, table
from bench.overhead.programs import Amount
from bench.runtimes import ort_rust
from contract import strict
from contract.errors import ConcordError, EnvironmentFault, UsageError
from infer_py import loading
from infer_py import overhead as python_overhead
from tests.bench import made

SMALL = Amount(processes=3, blocks=2, calls=10)


def fakes(rust: str = "good", python: str = "good") -> dict[str, list[str]]:
    fake = [sys.executable, "-m", "tests.bench.overhead.fake_program"]
    return {"ort-rust": [*fake, "ort-rust", rust], "ort-python": [*fake, "ort-python", python]}


def test_programs_alternate_and_each_process_has_its_own_order():
    order: list[str] = []
    over: list[int] = []
    found = programs.count(fakes(), SMALL, 5, order.append, lambda: over.append(len(order)))
    assert [text.rpartition(" ")[2] for text in order] == ["ort-rust", "ort-python", "ort-python", "ort-rust", "ort-rust", "ort-python"]
    assert over == [1, 2, 3, 4, 5, 6]
    assert [each.seed for each in found["ort-python"]] == [5, 6, 7]
    assert {(each.threads, each.calls, len(each.ways["run"])) for each in found["ort-rust"]} == {(1, 10, 2)}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("exit", "exit code 4: error: no such model"),
        ("nonsense", "not valid JSON"),
        ("stale", "other sources"),
        ("debug", "debug build"),
        ("other-version", "different builds of ONNX Runtime"),
        ("uneven", "as many blocks"),
    ],
)
def test_a_program_that_does_not_behave_is_named(what: str, said: str):
    with pytest.raises(ConcordError, match=said):
        programs.count(fakes(rust=what), Amount(1, 2, 10), 0)


def test_a_program_that_is_not_there_or_hangs_is_the_environments_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(EnvironmentFault, match="cannot be started"):
        programs.count({"ort-rust": [str(tmp_path / "none")]}, SMALL, 0)
    monkeypatch.setattr(programs, "SECONDS", 0.1)
    with pytest.raises(EnvironmentFault, match="did not end"):
        programs.count({"ort-python": [sys.executable, "-c", "import time; time.sleep(60)"]}, SMALL, 0)


def test_the_report_says_which_goals_are_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(programs, "commands", lambda _model: fakes())
    out = tmp_path / "out"
    assert command.main(["--quick", "--processes", "3", "--blocks", "2", "--out", str(out), "--run", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(out / "overhead.md")
    text = (out / "overhead.md").read_text()
    # Of tests/bench/overhead/made.py: 1300 / 1000, 4200 / 4000.
    for line in (
        "against the bare call | at most 1.4 times | 1.30 \\[1.30, 1.30\\] | met |",
        "at most 1.1 times | 1.05 \\[1.05, 1.05\\] | met |",
        "at most 100 ns | 30 \\[30, 30\\] | met |",
        "No shares: ",
    ):
        assert line in text
    stored = json.loads((out / "overhead.json").read_text())
    assert [each["verdict"] for each in stored["judged"]] == ["met"] * 4
    assert len(stored["counts"]["ort-rust"]) == 3


def test_the_counts_as_data_and_nothing_else_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setattr(programs, "commands", lambda _model: fakes())
    assert command.main(["--quick", "--processes", "3", "--json", "--out", str(tmp_path), "--run", str(tmp_path)]) == 0
    said = capfd.readouterr()
    told = json.loads(said.out)
    assert told == json.loads((tmp_path / "overhead.json").read_text())
    assert set(told) == {"machine", "judged", "counts"}
    assert "Goals" in said.err
    # A line a process; how long they take is known from the first that is over.
    lines = re.findall(r"^\[ *\d+ s\] process (\d) of 3: \S+?( \(about \d+ s left\))?$", said.err, re.MULTILINE)
    assert [(number, bool(left)) for number, left in lines] == [("1", False), *((each, True) for each in "12233")]


def test_shares_are_those_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "commands", lambda _model: fakes())
    run = made.results()
    (tmp_path / "results.json").write_text(strict.pretty(run))
    assert command.main(["--quick", "--out", str(tmp_path), "--run", str(tmp_path)]) == 0
    text = (tmp_path / "overhead.md").read_text()
    assert f"Medians of run {run.run}" in text
    # 4200 - 1000 of 4 million nanoseconds.
    assert "| resnet18 | raw-dynamic | ort-python | latency-1 | 4.00 ms | 3.20 µs | 0.0800% |" in text
    assert "| ort-rust | latency-1 |" in text


def test_too_few_of_anything_is_a_usage_error():
    with pytest.raises(UsageError, match="at least 1"):
        command.main(["--blocks", "-1"])


def test_the_null_model_is_one_that_both_programs_take(tmp_path: Path):
    null_model.write(tmp_path / "null.onnx")
    counted = python_overhead.count(loading.load(tmp_path / "null.onnx", "cpu", {"threads": 1}), 5, 2, 0)
    assert tuple(counted.ways["timed"]) > (0, 0)


def test_the_real_programs_count_for_a_moment(tmp_path: Path):
    if not ort_rust.BINARY.is_file():
        pytest.skip("the Rust binary is not built: nox -s build")
    assert command.main(["--processes", "3", "--blocks", "3", "--calls", "50", "--out", str(tmp_path), "--run", str(tmp_path)]) == 0
    stored = json.loads((tmp_path / "overhead.json").read_text())
    found = {each["goal"]["about"]: each["found"]["value"] for each in stored["judged"]}
    # Far from any goal, on any machine: what is asserted is that the numbers are of the right kind.
    assert all(0 < value < 100_000 for value in found.values()), found


def test_the_tables_can_be_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "commands", lambda _model: fakes())
    monkeypatch.setattr(command, "CHECKOUT", tmp_path)
    document = tmp_path / "METHODOLOGY.md"
    document.write_text(f"before\n\n{table.BEGIN}\nold\n{table.END}\n\nafter\n")
    asked = ["--quick", "--processes", "3", "--blocks", "2", "--out", str(tmp_path / "out"), "--run", str(tmp_path), "--write"]
    assert command.main(asked) == 0
    text = document.read_text()
    assert text.startswith(f"before\n\n{table.BEGIN}\n\n### The null model")
    assert text.endswith(f"\n\n{table.END}\n\nafter\n")
    assert "old" not in text
    assert "\npython -m bench overhead: 20" in text
