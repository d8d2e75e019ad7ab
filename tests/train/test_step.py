"""The whole step, in this process: files, skipping, options, and what goes wrong."""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from contract import artifact, lock, manifest, options
from contract.errors import DataError, EnvironmentFault, UsageError, run_step
from contract.manifest import TrainManifest
from tests.train import tiny
from tests.train.stepping import made
from train import curves, jobs, step
from train.fit.state import Epoch
from train.model.build import from_manifest


def test_the_step_writes_what_the_design_lists(call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 0
    (path,) = made(tmp_path)
    found = manifest.read_verified(TrainManifest, path, "")
    assert set(found.files) == {
        "checkpoint.safetensors",
        "training-state.pt",
        "training-state.sha256",
        "labels.json",
        "history.csv",
        "curves.svg",
    }
    assert (found.classes, found.config, found.weights.had) == (("BLUE", "GREEN", "RED"), path.parent.name, "random")
    assert {name: len(part) for name, part in found.split.items()} == {"train": 12, "val": 6, "test": 6}
    assert found.source == artifact.package_hash("train", "contract")
    assert found.preprocess == tiny.SPEC
    labels = json.loads((path.parent / "labels.json").read_text())
    assert labels == {"class_to_int": {"BLUE": 0, "GREEN": 1, "RED": 2}, "int_to_class": {"0": "BLUE", "1": "GREEN", "2": "RED"}}
    rows = list(csv.DictReader((path.parent / "history.csv").read_text().splitlines()))
    assert [row["phase"] for row in rows] == ["head"] * 3 + ["all"] * 2
    again, model = from_manifest(path)
    assert again == found
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in load_file(path.parent / "checkpoint.safetensors").items())
    out = capsys.readouterr()
    assert "test accuracy" in out.out
    assert "12/6/6" in out.err
    order = [out.err.index(said) for said in ("asked: train", "the plan follows", "reading and checking 24 images", "plan: train")]
    assert order == sorted(order)
    assert re.search(r"squares +concord_tiny +random +two +cpu +\n", out.err)


def test_the_pointer_leads_to_the_artifacts(call, tmp_path: Path) -> None:
    call()
    parsed, _ = options.parse(options.parser("x", ""), sys.argv[1:])
    asked = options.asked(parsed, options.select(parsed), "squares", "concord_tiny")
    assert asked.find(parsed.artifacts) == made(tmp_path)[0].parent


def test_a_second_run_skips_and_a_changed_one_does_not(call, tmp_path: Path, squares: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call()
    before = made(tmp_path)[0].stat().st_mtime_ns

    def never(*_: object) -> None:
        raise AssertionError("trained again")

    with monkeypatch.context() as patched:
        patched.setattr(step, "fit", never)
        assert call() == 0
        assert made(tmp_path)[0].stat().st_mtime_ns == before
        for changed in (("--seed", "1"), ("--epochs", "1"), ("--force",)):
            with pytest.raises(AssertionError, match="trained again"):
                call(*changed)
        tiny.picture("RED", 99).save(squares / "train" / "RED_0.png")
        with pytest.raises(AssertionError, match="trained again"):
            call()


def test_another_configuration_never_overwrites(call, tmp_path: Path) -> None:
    call()
    first = made(tmp_path)[0].read_bytes()
    call("--seed", "1")
    assert len(made(tmp_path)) == 2
    assert first in [path.read_bytes() for path in made(tmp_path)]


def test_one_answer_for_everything_is_nothing_to_compare(call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = tiny.Tiny(3)
    torch.nn.init.zeros_(given.fc.weight)
    save_file(given.state_dict(), tmp_path / "constant.safetensors")
    call("--checkpoint", str(tmp_path / "constant.safetensors"))
    found = manifest.read(TrainManifest, made(tmp_path)[0], "")
    assert found.distinct_predictions == 1
    assert any("nothing to compare" in note for note in found.notes)
    assert "nothing to compare" in capsys.readouterr().out


def test_json_output(call, capsys: pytest.CaptureFixture[str]) -> None:
    call("--json")
    out, err = capsys.readouterr()
    assert "asked: train" not in err
    (found,) = json.loads(out)
    assert found["metrics"]["test"]["total"] == 6
    assert "split" not in found


def test_bad_images_are_refused_or_counted(call, squares: Path, tmp_path: Path) -> None:
    path = squares / "train" / "RED_7.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"RED_7.png"):
        call()
    assert call("--skip-bad-images") == 0
    found = manifest.read(TrainManifest, made(tmp_path)[0], "")
    assert len(found.skipped) == 1
    assert "1 unreadable images were left out" in found.notes


@pytest.mark.parametrize(
    ("more", "kind", "says"),
    [
        (("--root", "gone"), DataError, "no such folder: data set 'squares'"),
        (("--backbone", "concord_tinny"), UsageError, "did you mean 'concord_tiny'?"),
        (("--weights", "DEFAULTS"), UsageError, "did you mean 'DEFAULT'?"),
        (("--weights", "file:gone.pth"), DataError, "no such weights file"),
        (("--preset", "V3"), UsageError, "torchvision has no weights 'V3'"),
        (("--recipe", "too"), UsageError, "did you mean 'two'?"),
        (("--checkpoint", "gone.pth"), DataError, "no such weights file"),
        (("--device", "cuda"), EnvironmentFault, "torch finds no CUDA device"),
        (("--weights", "V1", "--offline"), EnvironmentFault, "--offline"),
    ],
)
def test_what_is_wrong_is_said(call, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], kind: type, says: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(kind) as caught:
        call(*more)
    assert says in str(caught.value)
    assert caught.value.next


def test_a_backbone_that_torchvision_does_not_have_is_blamed_on_the_file_that_names_it(call, tmp_path: Path) -> None:
    text = (tmp_path / "matrix.toml").read_text().replace("concord_tiny", "concord_tinny")
    (tmp_path / "other.toml").write_text(text)
    with pytest.raises(UsageError, match=r"^other\.toml: torchvision has no backbone 'concord_tinny'; did you mean 'concord_tiny'\?"):
        call("--matrix", str(tmp_path / "other.toml"))


def test_before_anything_is_read_the_recipes_that_weights_may_lead_to_are_named(call, tmp_path: Path, capsys) -> None:
    text = (tmp_path / "matrix.toml").read_text().replace('cpu = "two"', 'cpu = "two", random-cpu = "other"')
    text = text.replace('["random"]', '["V1", "random"]') + '[[recipe]]\nname = "other"\ntrain = "head"\nepochs = 1\n'
    (tmp_path / "matrix.toml").write_text(text)
    with pytest.raises(DataError):
        call("--root", "gone")
    assert re.search(r"squares +concord_tiny +V1, random +two or other +cpu +\n", capsys.readouterr().err)


def test_two_runs_at_once_are_refused_by_name(call, tmp_path: Path) -> None:
    with (
        lock.exclusive(tmp_path / "artifacts" / "squares" / "concord_tiny", "training squares/concord_tiny"),
        pytest.raises(EnvironmentFault, match="in use: training squares/concord_tiny"),
    ):
        call()


def test_a_disk_too_small_for_the_plan_is_said_before_training(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact.shutil, "disk_usage", lambda _: artifact.shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(EnvironmentFault, match="the plan needs"):
        call()


def test_ctrl_c_ends_with_130_and_keeps_what_is_finished(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(step, "write", interrupted)
        with pytest.raises(SystemExit) as caught:
            run_step(call)
    assert caught.value.code == 130
    assert call() == 0
    assert "goes on after epoch 5" in capsys.readouterr().err
    assert not list((tmp_path / "artifacts").rglob(".tmp-*"))


def test_leftovers_of_dead_processes_are_swept(call, tmp_path: Path) -> None:
    left = tmp_path / "artifacts" / "squares" / "concord_tiny" / ".tmp-999999999-train.json"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    call()
    assert not left.exists()


def test_the_recipe_is_what_it_says_not_what_it_is_called(call, tmp_path: Path) -> None:
    call()
    parsed, _ = options.parse(options.parser("x", ""), sys.argv[1:])
    (planned,) = jobs.plan(parsed, options.select(parsed))
    renamed = replace(planned.job, recipe=replace(planned.job.recipe, name="other"))
    changed = replace(planned.job, recipe=replace(planned.job.recipe, lr=0.5))
    assert jobs.decisive(renamed) == jobs.decisive(planned.job) != jobs.decisive(changed)
    assert planned.current is not None


def test_curves_are_the_same_twice_and_can_be_drawn_without_epochs(tmp_path: Path) -> None:
    rows = tuple(Epoch(n, "head" if n < 4 else "all", 0.1, 1 / n, 0.5, 1.1 / n, 0.4 + n / 20, 1.0) for n in range(1, 8))
    text = curves.curves_svg(rows, 6, "wings/resnet18")
    assert text == curves.curves_svg(rows, 6, "wings/resnet18")
    assert "<svg" in text
    assert "nothing was trained" not in text
    assert curves.curves_svg((), 0, "x")
