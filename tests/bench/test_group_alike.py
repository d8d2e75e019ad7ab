"""What a block takes is alike for all cells of a group: the same images, and the first sample counted or not."""

from __future__ import annotations

from bench.runner import Runner
from contract.matrix import Scenario
from tests.bench import fakes
from tests.bench.test_group import IMAGES, stage  # noqa: F401 - a fixture


def test_images_are_timed_alike_in_all_cells_and_all_of_them_in_turn(stage, tmp_path, monkeypatch):  # noqa: F811
    """They cost differently: who takes other ones, or more of one, is compared with another work."""
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name, scenario="e2e"), model) for name in ("ort-python", "ort-rust")], Scenario("e2e", "e2e"))
    group.prepare(tmp_path)
    for entry, sample_ns in zip(group.entries, (9e6, 21e6), strict=True):
        entry.sample_ns = sample_ns  # blocks of five and of two, if each took its own
    asked: list[tuple[str, int, tuple[str, ...]]] = []
    true = Runner.time

    def told(self, arguments, seconds):
        asked.append((self.name, arguments.samples, arguments.images))
        return true(self, arguments, seconds)

    monkeypatch.setattr(Runner, "time", told)
    group.spend(0.0, 0, at_least=IMAGES + 1)
    assert [entry.error for entry in group.entries] == [None, None]
    assert {samples for _, samples, _ in asked} == {2}
    rounds = [asked[start : start + 4] for start in range(0, len(asked), 4)]
    names = list(stage.inputs.images)
    for number, blocks in enumerate(rounds):
        assert {images for _, _, images in blocks} == {(*names[number % IMAGES :], *names[: number % IMAGES])}
        assert sorted(name for name, _, _ in blocks) == ["ort-python"] * 2 + ["ort-rust"] * 2


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
