"""Whole runs over fake runners: a report folder, exit codes, interruption, two at once."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from bench import foreign, run, schema
from bench.evidence.verify import verify
from bench.measure.group import Group
from bench.report import write
from bench.results import INTERRUPTED, Gate, GateRow, Results
from bench.runner import Runner
from contract.errors import DataError, EnvironmentFault, UsageError
from contract.lock import exclusive
from tests.bench import fakes, made
from tests.bench.whole import ready, trained, two_sets


def test_a_whole_run(tmp_path, pids, capfd):
    options = ready(tmp_path)
    trained(tmp_path, options)
    results, folder = run.run(options, measuring=True)
    assert results.exit_code == 0
    assert write.load(folder) == results
    jsonschema.Draft202012Validator(schema.schema()).validate(json.loads((folder / "results.json").read_text()))
    assert (tmp_path / "reports" / "latest").resolve() == folder
    assert {path.name for path in folder.iterdir()} == {
        "results.json", "index.html", "summary.md", "tables.txt", "environment.json", "junit.xml", "benchmark.json", "logs", "models",
        "raw", "results.csv", "parity.csv",
    }  # fmt: skip
    assert len(results.parity) == 6
    assert all(row.passed for row in results.parity)
    # latency 7, throughput 5 (static serves batch 1), load 3, e2e 3
    assert len(results.cells) == 18
    assert [cell.error for cell in results.cells] == [None] * 18
    assert {(hole.cell.variant, hole.why) for hole in results.holes} == {("raw-static", "static batch 1")}
    assert {block.process for cell in results.cells for block in cell.blocks} == {0, 1, 2}
    assert {contrast.not_comparable for contrast in results.contrasts} == {None}
    assert {(each.cell.variant, each.base.variant) for each in results.contrasts if each.same_graph} == {("sim-dynamic", "raw-dynamic")}
    assert {each.factor for each in results.contrasts if each.same_graph} == {"variant"}
    assert set(results.receipts) == set(results.peak_bytes) == set(fakes.RUNTIMES)
    assert verify(folder) == 0
    assert len(pids) == 3 + 3 * 7  # parity, and in each of three generations a process for every variant of every runtime
    assert [each.name for each in results.times][-3:] == ["planning", "parity wings/resnet18 cpu", "measuring"]
    plan, _, later = capfd.readouterr().err.partition("] parity wings/resnet18")
    assert "\n      forecast: wings/resnet18 on cpu: latency-1: 7 cells, 4 processes, " in plan
    assert "forecast" not in later


def test_a_variant_that_fails_gets_no_time(tmp_path, pids):
    options = ready(tmp_path, "--scenario", "latency", "--seconds", "0.2")
    trained(tmp_path, options, change=lambda name, matrix: matrix * 1.01 if name == "sim-dynamic" else matrix)
    results, folder = run.run(options, measuring=True)
    assert results.exit_code == 1
    # No two files with the same graph are left: one of them is timed again, as a control.
    assert {cell.cell.variant for cell in results.cells} == {"eager", "raw-static", "raw-dynamic", "raw-dynamic again"}
    assert {(hole.cell.variant, hole.cell.runtime, hole.why) for hole in results.holes} == {
        ("sim-dynamic", runtime, "failed parity") for runtime in fakes.RUNTIMES[1:]
    }
    assert "FAIL" in (folder / "summary.md").read_text()


def test_parity_alone(tmp_path, pids):
    options = ready(tmp_path, "--images", "9")
    trained(tmp_path, options)
    results, folder = run.run(options, measuring=False)
    assert (results.exit_code, results.cells, results.holes) == (0, (), ())
    assert {row.images for row in results.parity} == {9}
    assert not (folder / "benchmark.json").exists()


def test_a_reference_that_dies_leaves_the_other_subjects(tmp_path, pids, monkeypatch):
    options = ready(tmp_path, "--backbone", "resnet18", "regnet_x_400mf")
    trained(tmp_path, options)
    fakes.use(monkeypatch, torch_eager=fakes.descriptor("torch-eager", "crash", verb="load", when="resnet18/0123abcd"))
    results, _ = run.run(options, measuring=False)
    assert results.exit_code == 2
    assert len(results.problems) == 1
    assert "torch-eager: load: died (signal SIGSEGV)" in results.problems[0]
    assert len(results.parity) == 6


def test_interrupted_it_keeps_and_shows_what_was_done(tmp_path, pids, monkeypatch):
    spend = Group.spend

    def interrupt(group: Group, seconds: float, process: int, *, at_least: int) -> None:
        if process == 1:
            raise KeyboardInterrupt  # seven runners are alive now: the fixture looks for them
        spend(group, seconds, process, at_least=at_least)

    options = ready(tmp_path)
    trained(tmp_path, options)
    monkeypatch.setattr(Group, "spend", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.run(options, measuring=True)
    kept = write.load(tmp_path / "reports" / "latest")
    assert (len(kept.parity), len(kept.cells), kept.exit_code) == (6, 18, 2)
    assert {block.process for cell in kept.cells for block in cell.blocks} == {0}
    assert "interrupted" in (tmp_path / "reports" / "latest" / "summary.md").read_text()


def test_interrupted_it_keeps_what_was_measured_of_a_foreign_file(tmp_path, pids, monkeypatch):
    spend = Group.spend

    def interrupt(group: Group, seconds: float, process: int, *, at_least: int) -> None:
        if process == 1:
            raise KeyboardInterrupt
        spend(group, seconds, process, at_least=at_least)

    fakes.use(monkeypatch)
    fakes.save_model(tmp_path / "my.onnx", fakes.weights())
    monkeypatch.setattr(Group, "spend", interrupt)
    with pytest.raises(KeyboardInterrupt):
        foreign.measure_files(ready(tmp_path, "--onnx", str(tmp_path / "my.onnx"), "--scenario", "latency", "--seconds", "8"), None)
    kept = write.load(tmp_path / "reports" / "latest")
    assert kept.exit_code == 2
    assert {block.process for cell in kept.cells for block in cell.blocks} == {0}
    assert kept.problems == (INTERRUPTED,)


def test_two_data_sets_do_not_mix(tmp_path, pids):
    options = two_sets(tmp_path)
    results, report = run.run(options, measuring=True)
    assert {(cell.cell.dataset, cell.error) for cell in results.cells} == {("wings", None), ("other", None)}
    assert {(row.dataset, row.images) for row in results.parity} == {("wings", 24), ("other", 21)}
    text = (report / "summary.md").read_text()
    assert "| wings/resnet18 " in text
    assert "| other/resnet18 " in text


def test_a_runtime_that_hung_on_one_subject_is_measured_on_the_other(tmp_path, pids, monkeypatch):
    options = two_sets(tmp_path)
    monkeypatch.setattr(Runner.load, "__defaults__", (5.0,))
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "hang", verb="load", when="artifacts/other", commit=fakes.COMMIT))
    results, _ = run.run(options, measuring=True)
    assert {row.dataset: row.judged for row in results.parity if row.runtime == "ort-rust"} == {"wings": True, "other": False}
    assert {cell.error for cell in results.cells} == {None}
    assert {(cell.cell.dataset, cell.cell.runtime) for cell in results.cells} == {
        *(("wings", name) for name in fakes.RUNTIMES), *(("other", name) for name in fakes.RUNTIMES[:2]),
    }  # fmt: skip


def test_two_runs_at_once(tmp_path, pids):
    options = ready(tmp_path)
    trained(tmp_path, options)
    with (
        exclusive(tmp_path / "concord-measuring", "another Concord run measures on this machine"),
        pytest.raises(EnvironmentFault, match="in use: another Concord run measures on this machine") as caught,
    ):
        run.run(options, measuring=True)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "reports").exists()
    pids.append(2**22 + 1)  # none was started: the fixture has nothing to look for


def test_nothing_trained_is_said_before_anything_starts(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    monkeypatch.setattr(run, "build", lambda **_: None)
    with pytest.raises(DataError, match="resnet18 has not been trained on wings with these options"):
        run.run(ready(tmp_path), measuring=True)
    assert not (tmp_path / "reports").exists()


def test_a_foreign_file(tmp_path, pids, capfd):
    fakes.save_model(tmp_path / "my.onnx", fakes.weights())
    options = ready(tmp_path, "--onnx", str(tmp_path / "my.onnx"), "--seconds", "0.6")
    results, folder = foreign.measure_files(options, None)
    assert results.exit_code == 0
    assert {cell.cell.scenario for cell in results.cells} == {"latency", "throughput", "load"}
    assert {cell.cell.runtime for cell in results.cells} == {"ort-python", "ort-rust"}
    assert {hole.why for hole in results.holes} == {"needs images, and this file says nothing of its preprocessing"}
    assert [contrast.not_comparable for contrast in results.contrasts] == [None] * 3
    assert "my.onnx" in (folder / "summary.md").read_text()
    assert re.search(
        r"plan: measuring 7 cells \(2 holes\) in about 1 s\n      forecast: .*my.onnx on cpu: latency-1: 3 cells", capfd.readouterr().err
    )


def test_foreign_files_that_cannot_be_measured(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such file"):
        foreign.measure_files(ready(tmp_path, "--onnx", "gone.onnx"), None)
    (tmp_path / "my.onnx").touch()
    with pytest.raises(UsageError, match="torch-eager loads no ONNX files"):
        foreign.measure_files(ready(tmp_path, "--onnx", str(tmp_path / "my.onnx"), "--runtime", "torch-eager"), None)


def changed(**parity: object) -> Results:
    return replace(made.results(), cells=(), gate=None, parity=(replace(made.row("raw-dynamic", "ort-rust"), **parity),))


def gated(*verdicts: str) -> Results:
    rows = tuple(GateRow(fakes.cell(), verdict, "") for verdict in verdicts)
    return replace(changed(), gate=Gate("then", 0.05, same_cpu=True, files=(), rows=rows))


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (changed(), 0),
        (changed(passed=False), 1),
        (changed(passed=False, judged=False), 2),
        (replace(changed(), parity=()), 2),
        (replace(changed(), problems=("one label",)), 2),
        (replace(changed(passed=False), problems=("one label",)), 1),
        (replace(changed(), cells=made.results().cells[:2]), 0),
        (replace(changed(), cells=made.results().cells), 1),
        (gated("passes"), 0),
        (gated("passes", "slower"), 1),
        (gated("passes", "refused"), 2),
        (gated(), 2),
        (replace(gated("passes"), cells=(made.measured("raw-dynamic old", "ort-python", error="died"),)), 0),
        (replace(gated("slower"), problems=("one label",)), 1),
    ],
)
def test_exit_codes(results, code):
    assert run.exit_code(results) == code


def test_two_builds_of_onnx_runtime_are_a_problem():
    python, rust = made.receipt("ort-python", "1.31.1", fakes.COMMIT), made.receipt("ort-rust", "1.31.1", fakes.COMMIT + "0" * 31)
    assert run.differing_libraries({"ort-python": python, "ort-rust": rust}) == ()
    assert run.differing_libraries({"ort-python": python}) == ()
    for other in (replace(rust, version="1.30.0"), replace(rust, commit="0123456789"), replace(rust, commit=None)):
        (said,) = run.differing_libraries({"ort-python": python, "ort-rust": other})
        assert said.startswith(f"not one build of ONNX Runtime: ort-python 1.31.1 {fakes.COMMIT}, ort-rust {other.version} ")
