"""What clocks say against a group's samples: an error of one runner, or a round that counts for nobody."""

from __future__ import annotations

from bench.measure import sentinel
from bench.measure.clocks import Clocks
from tests.bench import fakes
from tests.bench.test_group import run, stage  # noqa: F401 - a fixture


def test_samples_that_do_not_fit_into_the_wait_are_an_error_of_their_runner(stage, tmp_path, monkeypatch):  # noqa: F811 - a fixture
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "long-samples", verb="time"))
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    fine, error = run(group, tmp_path)
    assert fine is None
    assert error is not None
    assert error.startswith("ort-rust: time: says that its samples took 36")
    assert [len(entry.blocks) for entry in group.entries] == [2, 0]


def test_a_round_in_which_the_machine_slept_counts_for_no_cell(stage, tmp_path, monkeypatch):  # noqa: F811 - a fixture
    moments = [Clocks(0, 0, 0), Clocks(10**8, 10**8, 10**10)]
    readings = iter([sentinel.Reading(clocks=each) for each in moments])
    monkeypatch.setattr(sentinel, "read", lambda: next(readings))
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    assert run(group, tmp_path) == [None, None]
    assert [block.disturbed for entry in group.entries for block in entry.blocks] == ["the machine was suspended"] * 4
