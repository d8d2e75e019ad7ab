"""What a block takes is alike for all cells of a group: the same images, and the first sample counted or not."""

from __future__ import annotations

import dataclasses

import pytest

from bench.runner import Runner, RunnerError
from contract.matrix import Scenario
from tests.bench import fakes
from tests.bench.test_group import IMAGES, stage  # noqa: F401 - a fixture


def test_images_are_timed_alike_in_all_cells_and_all_of_them_in_turn(stage, tmp_path, monkeypatch):  # noqa: F811
    """They cost differently: who takes other ones, or more of one, is compared with another work."""
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name, scenario="e2e"), model) for name in fakes.RUNTIMES], Scenario("e2e", "e2e"))
    group.prepare(tmp_path)
    for entry, sample_ns in zip(group.entries, (35e6, 9e6, 9e6), strict=True):
        entry.sample_ns = sample_ns  # blocks of two and of five, if each took its own
    asked: list[tuple[str, int, tuple[str, ...]]] = []
    true = Runner.time

    def told(self, arguments, seconds):
        asked.append((self.name, arguments.samples, arguments.images))
        return true(self, arguments, seconds)

    monkeypatch.setattr(Runner, "time", told)
    group.spend(0.0, 0, at_least=IMAGES + 1)
    assert [entry.error for entry in group.entries] == [None] * 3
    assert {samples for _, samples, _ in asked} == {5}
    rounds = [asked[start : start + 6] for start in range(0, len(asked), 6)]
    names = list(stage.inputs.images)
    for number, blocks in enumerate(rounds):
        assert {images for _, _, images in blocks} == {(*names[number % IMAGES :], *names[: number % IMAGES])}
        assert sorted(name for name, _, _ in blocks) == sorted(fakes.RUNTIMES * 2)


def test_a_cell_that_fails_in_a_round_changes_nothing_for_the_others(stage, tmp_path, monkeypatch):  # noqa: F811
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in fakes.RUNTIMES])
    group.prepare(tmp_path)
    for entry, sample_ns in zip(group.entries, (35e6, 9e6, 9e6), strict=True):
        entry.sample_ns = sample_ns  # without one of the two fast ones the middle is 22 ms, which makes blocks of two
    asked: list[int] = []
    true = Runner.time

    def told(self, arguments, seconds):
        if self.name == "ort-rust":
            raise RunnerError("died", where="ort-rust: time")
        asked.append(arguments.samples)
        return true(self, arguments, seconds)

    monkeypatch.setattr(Runner, "time", told)
    group.spend(0.0, 0, at_least=1)
    assert asked == [5] * 4
    group.spend(0.0, 0, at_least=1)
    assert asked == [5] * 4 + [2] * 4


@pytest.mark.parametrize(("kind", "said"), [("e2e", "tells no stages of e2e"), ("latency", "tells the stages of latency")])
def test_stages_are_told_of_e2e_and_of_nothing_else(stage, tmp_path, monkeypatch, kind, said):  # noqa: F811
    """What a block stands for depends on it."""
    group = stage.group([(fakes.cell(scenario=kind), stage.model("raw-dynamic"))], Scenario(kind, kind))
    true = Runner.time
    split = {"decode": (1,)} if kind == "latency" else None
    monkeypatch.setattr(Runner, "time", lambda self, asked, seconds: dataclasses.replace(true(self, asked, seconds), split=split))
    group.prepare(tmp_path)
    group.spend(0.0, 0, at_least=1)
    assert said in str(group.entries[0].error)


def test_warm_samples_are_left_out_of_all_cells_or_of_none(stage, tmp_path, monkeypatch):  # noqa: F811
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    group.prepare(tmp_path)
    warm: list[int] = []
    true = Runner.time
    monkeypatch.setattr(Runner, "time", lambda self, asked, seconds: (warm.append(asked.warmup), true(self, asked, seconds))[1])
    for lengths, expected in (((5e6, 110e6), 1), ((110e6, 120e6), 0)):
        for entry, sample_ns in zip(group.entries, lengths, strict=True):
            entry.sample_ns = sample_ns
        warm.clear()
        group.spend(0.0, 0, at_least=1)
        assert warm == [expected] * 4
    # The very first forward of a later process is warm-up for all cells: they were verified in the first one.
    warm.clear()
    group.spend(0.0, 1, at_least=2)
    assert warm == [1, 1, 0, 0, 0, 0, 0, 0]


def test_no_round_begins_after_the_deadline_owed_or_not(stage, tmp_path):  # noqa: F811
    group = stage.group([(fakes.cell(), stage.model("raw-dynamic"))])
    group.prepare(tmp_path)
    group.deadline = 0.0
    group.spend(1000.0, 0, at_least=3)
    assert group.entries[0].blocks == []
