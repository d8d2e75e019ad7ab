from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from contract.errors import UsageError
from contract.layout import CHECKOUT
from contract.matrix import Recipe
from tests.train import tiny
from train.fit import state as states
from train.fit.batches import Feed
from train.fit.fitting import first_of_each_class, fit, parts_of
from train.model.build import build
from train.progress import reporter
from train.weights.choose import Source, WeightsHad

TWO_PHASES = Recipe("two", "all", epochs=3, lr=5e-3, stem_lr=0.1, head_epochs=4, augmentation="crop-flip", batch=5, dropout=0.2)


def run(job, folder: Path, inputs: str = "inputs"):
    with reporter("squares/tiny") as said:
        return fit(job, folder, inputs, said)


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


class PulledPlugError(Exception):
    pass


@pytest.fixture
def unplug(monkeypatch: pytest.MonkeyPatch):
    """After so many writes of the state, training stops dead."""
    save = states.save

    def after(writes: int) -> None:
        count = 0

        def counted(*args: object) -> None:
            nonlocal count
            save(*args)
            count += 1
            if count == writes:
                raise PulledPlugError

        monkeypatch.setattr(states, "save", counted)

    yield after
    monkeypatch.undo()


RECIPES = {
    "head, then all": TWO_PHASES,
    "from scratch": replace(TWO_PHASES, head_epochs=0, optimizer="sgd", schedule="one-cycle", clip_norm=0.5),
    "head augmented, then last stage": replace(TWO_PHASES, head_augmentation="flip", train="last-stage"),
    "head, then head": replace(TWO_PHASES, train="head", augmentation="trivial"),
}


# One an epoch that is not of a cached head, and one a phase.
WRITES = {"head, then all": 5, "from scratch": 4, "head augmented, then last stage": 9, "head, then head": 5}


@pytest.mark.parametrize("name", RECIPES)
def test_training_goes_on_after_any_write_and_ends_with_the_same_bits(
    tmp_path: Path, name: str, unplug, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tiny.job(tmp_path / "set", RECIPES[name])
    every: list[object] = []
    save = states.save
    with monkeypatch.context() as counting:
        counting.setattr(states, "save", lambda *args: (every.append(args), save(*args)))
        whole = run(job, tmp_path / "whole")
    assert len(every) == WRITES[name]
    for writes in range(1, len(every) + 1):
        folder = tmp_path / f"broken-{writes}"
        unplug(writes)
        with pytest.raises(PulledPlugError):
            run(job, folder)
        unplug(-1)
        resumed = run(job, folder)
        assert same(whole.model, resumed.model)
        assert [replace(row, seconds=0) for row in whole.history] == [replace(row, seconds=0) for row in resumed.history]
        assert (whole.best_epoch, whole.test) == (resumed.best_epoch, resumed.test)


@pytest.mark.slow
def test_a_killed_process_loses_nothing_but_its_epoch(tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch, in a process of its own."""
    job = tiny.job(tmp_path / "set", TWO_PHASES)
    whole = run(job, tmp_path / "whole")
    command = [sys.executable, "-m", "tests.train.killed", str(tmp_path / "set"), str(tmp_path / "killed"), "5"]
    died = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert states.load(tmp_path / "killed", "inputs").epoch == 1
    assert same(whole.model, run(job, tmp_path / "killed").model)


def test_a_state_of_other_inputs_or_a_damaged_one_starts_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = tiny.job(tmp_path / "set", replace(TWO_PHASES, epochs=1))
    first = run(job, tmp_path / "a")
    run(job, tmp_path / "a", "other inputs")
    assert "of other code, other inputs, threads, versions or device: training starts anew" in capsys.readouterr().err
    path = tmp_path / "a" / states.FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert same(first.model, run(job, tmp_path / "a").model)
    assert "corrupt: training starts anew" in capsys.readouterr().err


def test_a_kill_between_sum_and_state_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for epoch in range(1, 4):
        states.save(states.State("i", epoch=epoch), tmp_path)

    def pulled(*_: object) -> None:
        raise PulledPlugError

    monkeypatch.setattr(os, "replace", lambda source, target: pulled() if str(target).endswith(".pt") else Path(source).rename(target))
    for epoch in (4, 5):
        with pytest.raises(PulledPlugError):
            states.save(states.State("i", epoch=epoch), tmp_path)
    monkeypatch.undo()
    assert states.load(tmp_path, "i").epoch == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [states.FILE, states.SUMS]


def test_training_from_scratch_learns_colours(tmp_path: Path) -> None:
    recipe = Recipe("scratch", "all", epochs=6, lr=3e-2, augmentation="flip", batch=4, schedule="one-cycle")
    found = run(tiny.job(tmp_path / "set", recipe), tmp_path / "a")
    assert found.test.correct / found.test.total > 0.6
    assert found.test.distinct > 1
    assert found.history[-1].train_loss < found.history[0].train_loss
    best = max(found.history, key=lambda row: (row.val_accuracy, -row.val_loss))
    assert (found.best_epoch, found.val_correct) == (best.number, round(best.val_accuracy * 6))
    assert "random weights" in found.notes[0]


def test_head_only_leaves_the_backbone_as_it_was(tmp_path: Path) -> None:
    given = tiny.Tiny(9)
    given.train()(torch.randn(32, 3, 16, 16))
    save_file(given.state_dict(), tmp_path / "w.safetensors")
    source = Source(tmp_path / "w.safetensors", WeightsHad((), "file:w", "0" * 64, None))
    for recipe in (Recipe("cached", "head", head_epochs=3), Recipe("augmented", "head", epochs=2, augmentation="trivial")):
        found = run(tiny.job(tmp_path / recipe.name, recipe, source=source), tmp_path / f"out-{recipe.name}")
        for name, tensor in given.state_dict().items():
            assert name.startswith("fc.") or torch.equal(found.model[name], tensor), name


def test_norms_of_pretrained_weights_train_unless_they_came_folded(tmp_path: Path) -> None:
    folded, plain = tiny.Tiny(3), tiny.Tiny(3)
    plain.train()(torch.randn(32, 3, 16, 16))
    recipe = Recipe("all", "all", epochs=1, batch=4)
    for name, given in (("folded", folded), ("plain", plain)):
        save_file(given.state_dict(), tmp_path / f"{name}.safetensors")
        source = Source(tmp_path / f"{name}.safetensors", WeightsHad((), f"file:{name}", "0" * 64, None))
        found = run(tiny.job(tmp_path / name, recipe, source=source), tmp_path / f"out-{name}")
        drifted = not torch.equal(found.model["stem.1.running_mean"], given.state_dict()["stem.1.running_mean"])
        assert drifted == (name == "plain")
        assert any("folded" in note for note in found.notes) == (name == "folded")


def test_nothing_is_trained_by_none(tmp_path: Path) -> None:
    given = tiny.Tiny(3).state_dict()
    save_file(given, tmp_path / "w.safetensors")
    source = Source(tmp_path / "w.safetensors", WeightsHad((), "checkpoint:w", "0" * 64, None), checkpoint=True)
    found = run(tiny.job(tmp_path / "set", Recipe("as given", "none"), source=source), tmp_path / "a")
    assert same(found.model, given)
    assert (found.best_epoch, found.history) == (0, ())
    assert not (tmp_path / "a").exists()


def test_a_loss_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no longer a number in epoch 1"):
        run(tiny.job(tmp_path / "set", Recipe("wild", "all", epochs=2, lr=1e30, batch=4, optimizer="sgd")), tmp_path / "a")


def test_a_bound_on_the_gradient_is_kept(tmp_path: Path) -> None:
    """With plain SGD at a constant rate no step moves the weights further than rate times bound."""
    recipe = Recipe("bound", "all", epochs=1, lr=1.0, batch=99, optimizer="sgd", schedule="constant", warmup=0.0, weight_decay=0.0)
    moved = {}
    for bound in (None, 1e-3):
        job = tiny.job(tmp_path / str(bound), replace(recipe, clip_norm=bound))
        before = dict(build(job.backbone, job.source, 3, job.seed).model.named_parameters())
        after = run(job, tmp_path / f"out-{bound}").model
        moved[bound] = float(sum((after[name] - weight.detach()).square().sum() for name, weight in before.items())) ** 0.5
    # Nesterov's first step is 1.9 gradients long.
    assert moved[1e-3] == pytest.approx(1.9e-3, rel=1e-3)
    assert moved[None] > 0.01


def test_a_convolution_as_head_is_trained_without_a_cache(tmp_path: Path) -> None:
    recipe = Recipe("squeeze", "head", head_epochs=1, batch=8)
    spec = replace(tiny.SPEC, resize=replace(tiny.SPEC.resize, size=36), crop=replace(tiny.SPEC.crop, width=32, height=32))
    found = run(tiny.job(tmp_path / "set", recipe, backbone="squeezenet1_1", spec=spec), tmp_path / "a")
    assert found.model["classifier.1.weight"].shape == (3, 512, 1, 1)
    assert len(found.history) == 1


def test_training_images_grow_and_validation_images_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, int]] = []
    forward = tiny.Tiny.forward

    def spy(self: tiny.Tiny, images: torch.Tensor) -> torch.Tensor:
        seen.append((self.training, images.shape[-1]))
        return forward(self, images)

    monkeypatch.setattr(tiny.Tiny, "forward", spy)
    run(tiny.job(tmp_path / "set", Recipe("grow", "all", epochs=2, batch=16, train_sizes=(12, 16))), tmp_path / "a")
    calibration = list(dict.fromkeys(seen))
    assert calibration == [(True, 16), (True, 12), (False, 16)]
    assert [size for training, size in seen if training][-2:] == [12, 16]
    assert {size for training, size in seen if not training} == {16}


def test_few_images_per_class_train_and_test_and_half_as_many_validate(tmp_path: Path) -> None:
    job = tiny.job(tmp_path / "set", Recipe("few", "head", head_epochs=1, batch=8, images_per_class=1))
    assert {name: len(part) for name, part in parts_of(job).items()} == {"train": 3, "val": 3, "test": 3}
    found = run(job, tmp_path / "a")
    assert found.test.total == 3
    plain = replace(job, recipe=replace(job.recipe, images_per_class=None))
    assert parts_of(plain) == dict(job.data.parts)


def test_images_per_class_are_chosen_by_the_seed(tmp_path: Path) -> None:
    entries = tiny.loaded(tmp_path).parts["train"]
    few = first_of_each_class(entries, 2, 0)
    assert [entry.label for entry in few].count(1) == 2
    assert few == first_of_each_class(entries, 2, 0)
    assert set(few) < set(entries)
    assert first_of_each_class(entries, None, 0) == entries
    assert {first_of_each_class(entries, 2, seed) for seed in range(5)} != {few}


@pytest.mark.parametrize("name", RECIPES)
def test_the_test_set_is_touched_once_and_last(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tiny.job(tmp_path / "set", RECIPES[name])
    touched: list[tuple[str, ...]] = []
    for way in ("evaluating", "training"):
        original = getattr(Feed, way)

        def spy(feed: Feed, entries, *rest: object, original=original):
            touched.append(tuple(entry.path for entry in entries))
            return original(feed, entries, *rest)

        monkeypatch.setattr(Feed, way, spy)
    run(job, tmp_path / "out")
    test = tuple(entry.path for entry in job.data.parts["test"])
    assert touched[-1] == test
    assert len(touched) > 2
    assert all(set(test).isdisjoint(paths) for paths in touched[:-1])
