"""Whole runs over fake runners that are gated against a stored one."""

from __future__ import annotations

import json

import pytest

from bench import foreign, run
from bench.evidence.verify import verify
from bench.gate import judge
from contract.errors import UsageError
from tests.bench import fakes
from tests.bench.whole import ready, trained


def test_a_gate_times_old_files_beside_new_ones(tmp_path, pids, capsys):
    chosen = ("--scenario", "latency", "load", "--variant", "raw-static", "raw-dynamic", "--seconds", "1")
    options = ready(tmp_path, *chosen)
    trained(tmp_path, options)
    _, then = run.run(options, measuring=True)
    # Trained anew: other weights, another number of them right, and nothing of the old run is lost.
    now = tmp_path / "now"
    now.mkdir()
    again = ready(now, *chosen, "--gate", str(then), "--threshold", "90%")
    trained(now, again, change=lambda _, matrix: matrix)
    results, folder = run.run(again, measuring=True)
    assert results.gate is not None
    assert {(row.cell.variant, row.cell.runtime, row.cell.scenario) for row in results.gate.rows} == {
        *((variant, name, "latency") for variant in ("raw-static", "raw-dynamic") for name in fakes.RUNTIMES[1:]),
        *(("raw-dynamic", name, "load") for name in fakes.RUNTIMES[1:]),
    }
    assert {cell.cell.variant for cell in results.cells} == {"eager", "raw-static", "raw-dynamic", "raw-static old", "raw-dynamic old"}
    assert [cell.error for cell in results.cells] == [None] * len(results.cells)
    released = [each for each in results.contrasts if each.factor == "release"]
    assert {each.not_comparable for each in released} == {None}
    assert all(each.same_graph for each in released)
    assert {control.other.variant for control in results.noise.controls} == {"raw-static old", "raw-dynamic old"}
    assert (results.gate.old, results.gate.threshold, results.gate.same_cpu) == (then.name, 0.9, True)
    assert results.exit_code == judge.exit_code(results.gate)
    assert f"Gate against {then.name}, at most 90.0 % slower" in (folder / "summary.md").read_text()
    assert verify(folder) == 0
    edited = json.loads((folder / "results.json").read_text())
    edited["gate"]["rows"][0]["verdict"] = "slower"
    (folder / "results.json").write_text(json.dumps(edited))
    assert verify(folder) == 1
    assert "gate.rows[0].verdict is" in capsys.readouterr().out


def test_a_gate_against_nothing_is_said_before_anything_starts(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    with pytest.raises(UsageError, match="no such run: 'gone'"):
        run.run(ready(tmp_path, "--gate", "gone"), measuring=True)
    with pytest.raises(UsageError, match="no such run: 'gone'"):
        foreign.measure_files(ready(tmp_path, "--onnx", "my.onnx", "--gate", "gone"), None)
    assert not (tmp_path / "reports").exists()


def test_a_gate_over_pytorch_alone_is_refused_before_parity(tmp_path, pids):
    options = ready(tmp_path, "--scenario", "load", "--seconds", "0.2")
    trained(tmp_path, options)
    _, then = run.run(options, measuring=True)
    with pytest.raises(UsageError, match=f"none of the chosen cells is measured with a file of {then.name}"):
        run.run(ready(tmp_path, "--scenario", "load", "--runtime", "torch-eager", "--gate", then.name), measuring=True)


def test_a_foreign_file_against_its_older_self(tmp_path, pids):
    fakes.save_model(tmp_path / "my.onnx", fakes.weights())
    chosen = ("--onnx", str(tmp_path / "my.onnx"), "--scenario", "latency", "--seconds", "0.6")
    _, then = foreign.measure_files(ready(tmp_path, *chosen), None)
    fakes.save_model(tmp_path / "new.onnx", fakes.weights(seed=5))
    (tmp_path / "new.onnx").replace(tmp_path / "my.onnx")
    results, _ = foreign.measure_files(ready(tmp_path, *chosen, "--gate", then.name, "--threshold", "90%"), None)
    assert [cell.error for cell in results.cells] == [None] * 5  # two runtimes, old and new, and a control: no two files are equal
    assert {cell.cell.variant for cell in results.cells} == {"my.onnx", "my.onnx old", "my.onnx again"}
    assert {(row.cell.variant, row.cell.runtime) for row in results.gate.rows} == {("my.onnx", name) for name in fakes.RUNTIMES[1:]}
    assert results.exit_code == judge.exit_code(results.gate)
