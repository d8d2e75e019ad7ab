"""Whole runs with cold starts over fake runners."""

from __future__ import annotations

import pytest

from bench import foreign, run
from bench.evidence.verify import verify
from bench.measure import campaign, cold
from bench.measure.cold import Starts
from bench.report import write
from tests.bench import fakes
from tests.bench.test_cold import BOTH
from tests.bench.whole import MATRIX, ready, trained


def with_cold(*scenarios: str) -> str:
    text = MATRIX.replace("scenario = [\n", 'scenario = [\n  { name = "cold", kind = "cold", variant = ["raw-dynamic"] },\n', 1)
    return text.replace('scenario = ["latency", "throughput", "load", "e2e"]', f"scenario = {list(scenarios)}")


def test_a_whole_run(tmp_path, pids, monkeypatch):
    monkeypatch.setattr(cold, "MOST_ROUNDS", 2)
    options = ready(tmp_path, "--seconds", "60", matrix=with_cold("cold"))
    trained(tmp_path, options)
    results, folder = run.run(options, measuring=True)
    assert results.exit_code == 0
    assert [(str(each.cell), each.error, each.samples) for each in results.cells] == [
        (f"resnet18/{variant}/{runtime}/cpu/cold-1", None, 2)
        for variant, runtime in (("eager", "torch-eager"), ("raw-dynamic", "ort-python"), ("raw-dynamic", "ort-rust"))
    ]
    assert (results.contrasts, results.holes) == ((), ())
    assert len(pids) == 3 + 2 * 3
    assert verify(folder) == 0
    shown = (folder / "tables.txt").read_text(encoding="utf-8")
    assert "Scenario cold: from the start of a process to its first answer" in shown
    assert "n/a (2 of 6)" in shown


def test_beside_other_scenarios(tmp_path, pids, monkeypatch):
    monkeypatch.setattr(cold, "MOST_ROUNDS", 1)
    options = ready(tmp_path, "--seconds", "0.4", matrix=with_cold("latency", "cold"))
    trained(tmp_path, options)
    results, folder = run.run(options, measuring=True)
    assert {(each.cell.scenario, each.kind, each.error) for each in results.cells} == {("latency", "latency", None), ("cold", "cold", None)}
    assert {each.cell.scenario for each in results.contrasts} == {"latency"}
    assert {each.cell.scenario for each in results.noise.controls} == {"latency"}
    assert verify(folder) == 0


def test_interrupted_it_keeps_the_rounds_that_were_done(tmp_path, pids, monkeypatch):
    options = ready(tmp_path, "--seconds", "60", matrix=with_cold("cold"))
    trained(tmp_path, options)
    start = Starts._start

    def interrupt(self: Starts, entry: campaign.Entry) -> None:
        if self.rounds == 1:
            raise KeyboardInterrupt  # a runner is alive now: the fixture looks for it
        start(self, entry)

    monkeypatch.setattr(Starts, "_start", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.run(options, measuring=True)
    kept = write.load(tmp_path / "reports" / "latest")
    assert [cell.samples for cell in kept.cells] == [1, 1, 1]


def test_a_foreign_file(tmp_path, pids, monkeypatch):
    monkeypatch.setattr(cold, "MOST_ROUNDS", 1)
    fakes.save_model(tmp_path / "my.onnx", fakes.weights())
    options = ready(tmp_path, "--onnx", str(tmp_path / "my.onnx"), "--seconds", "60", matrix=with_cold("cold"))
    results, _ = foreign.measure_files(options, None)
    assert results.exit_code == 0
    assert [(each.cell.runtime, each.kind, each.samples) for each in results.cells] == [(name, "cold", 1) for name in BOTH]
