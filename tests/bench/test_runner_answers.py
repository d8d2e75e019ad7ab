"""Answers of a runner: as many as were asked for, and in time, whatever the bench did in between."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bench.runner import RunnerError
from contract import protocol as p
from tests.bench import fakes
from tests.bench.test_runner import model, start  # noqa: F401 - a fixture


def test_fewer_samples_than_were_asked_for_are_no_answer_but_to_a_time_limit(tmp_path, model, monkeypatch):  # noqa: F811
    with start(tmp_path, fakes.descriptor()) as runner:
        runner.hello()
        loaded = runner.load(p.LoadArgs(str(model), "cpu", {}))
        asked = p.TimeArgs(loaded.id, "latency", None, str(tmp_path / "x.npy"), 1, 0, 1, None, split=False)
        true = runner.ask
        monkeypatch.setattr(runner, "ask", lambda verb, _, *rest: true(verb, asked, *rest))
        assert len(runner.time(replace(asked, samples=5, max_ns=1), 20).samples) == 1
        with pytest.raises(RunnerError, match="1 samples, 1 checksums for 5 asked"):
            runner.time(replace(asked, samples=5), 20)


def test_who_stands_still_is_not_late(tmp_path, model):  # noqa: F811
    """A request may be under way when a runner is frozen: it goes on when its answer is asked for, and has all of its time."""
    with start(tmp_path, fakes.descriptor()) as runner:
        runner.hello()
        loaded = runner.load(p.LoadArgs(str(model), "cpu", {}))
        asked = p.PredictArgs(loaded.id, None, str(tmp_path / "x.npy"), 3, (), str(tmp_path / "out.npz"))
        number = runner.send("predict", asked, 1.0)
        runner.freeze()
        time.sleep(1.2)
        assert len(runner.receive(p.Predicted, number).crc32) == 2
        runner.send("predict", asked, 1.0)
        runner.freeze()
        time.sleep(1.2)
        assert runner.hello().runtime == "fake"  # what nobody received is waited for, too
