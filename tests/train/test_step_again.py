"""What the step keeps, moves, makes anew and takes as it is, in this process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from contract import artifact, manifest
from contract.errors import DataError, UsageError
from contract.manifest import TrainManifest
from tests.train import tiny
from tests.train.stepping import made
from train import step
from train.model.build import from_manifest


def test_counts_are_of_the_images_that_were_used_and_the_manifest_keeps_them_all(call, tmp_path: Path, capsys) -> None:
    matrix = tmp_path / "matrix.toml"
    matrix.write_text(matrix.read_text().replace("head_epochs = 3", "head_epochs = 3\nimages_per_class = 1"))
    call()
    found = manifest.read(TrainManifest, made(tmp_path)[0], "")
    assert {name: metric.total for name, metric in found.metrics.items()} == {"val": 3, "test": 3}
    assert found.metrics["val"].correct <= 3
    assert {name: len(part) for name, part in found.split.items()} == {"train": 12, "val": 6, "test": 6}
    assert "3 of 12 training, 3 of 6 validation and 3 of 6 test images were used: images_per_class = 1" in found.notes
    assert " 3/3/3 " in capsys.readouterr().err


def test_without_a_bound_nothing_is_said_of_it(call, tmp_path: Path) -> None:
    call()
    assert not any("were used" in note for note in manifest.read(TrainManifest, made(tmp_path)[0], "").notes)


def test_a_moved_data_set_is_found_again_without_training(call, tmp_path: Path, squares: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call()
    (path,) = made(tmp_path)
    before = manifest.read(TrainManifest, path, "")
    moved = squares.rename(tmp_path / "moved")
    monkeypatch.setattr(step, "fit", lambda *_: pytest.fail("trained again"))
    assert call("--root", str(moved)) == 0
    assert manifest.read_verified(TrainManifest, path, "") == replace(before, root=str(moved))


def test_turning_images_is_another_configuration(call, tmp_path: Path) -> None:
    call()
    matrix = tmp_path / "matrix.toml"
    matrix.write_text(matrix.read_text().replace('preset = "V1"', 'preset = "V1"\norient = true'))
    call()
    found = [manifest.read(TrainManifest, path, "") for path in made(tmp_path)]
    assert sorted(each.preprocess.orient for each in found) == [False, True]
    assert replace(found[0].preprocess, orient=True) == replace(found[1].preprocess, orient=True)


def test_a_damaged_result_is_not_replaced_without_a_word(call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call()
    assert "it is made anew" not in capsys.readouterr().err
    checkpoint = made(tmp_path)[0].parent / "checkpoint.safetensors"
    checkpoint.write_bytes(b"x")
    call()
    assert capsys.readouterr().err.count(f"{checkpoint}: corrupt: its sha256 is not the manifest's: it is made anew") == 1


def test_damaged_files_and_other_code_are_made_anew(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call()
    (path,) = made(tmp_path)
    checkpoint = path.parent / "checkpoint.safetensors"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[:-1] + b"x")
    with pytest.raises(DataError, match="corrupt"):
        from_manifest(path)
    call()
    assert checkpoint.read_bytes() == whole
    monkeypatch.setattr(artifact, "package_hash", lambda *_: "f" * 64)
    call()
    assert manifest.read(TrainManifest, path, "").source == "f" * 64
    assert checkpoint.read_bytes() == whole


def test_a_checkpoint_of_ones_own_is_taken_as_it_is(call, tmp_path: Path) -> None:
    torch.manual_seed(1)
    given = tiny.Tiny(3).state_dict()
    save_file(given, tmp_path / "mine.safetensors")
    assert call("--checkpoint", str(tmp_path / "mine.safetensors")) == 0
    (path,) = made(tmp_path)
    found, model = from_manifest(path)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in given.items())
    assert (found.weights.had, found.best_epoch, found.recipe["train"]) == ("checkpoint:mine.safetensors", 0, "none")
    assert "given checkpoint: whether these test images were held out from its training is not known" in found.notes


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({"class_to_int": {"RED": 0, "GREEN": 1, "BLUE": 2}}, "output 0 of the checkpoint is 'RED', and class 0 of the data set 'BLUE'"),
        ({"class_to_int": {"BLUE": 0, "GREEN": 1}}, "output 2 of the checkpoint is none, and class 2 of the data set 'RED'"),
        ({"class_to_int": ["BLUE"]}, "not a label map"),
        (["BLUE", "GREEN", "RED"], "not a label map"),
    ],
)
def test_labels_beside_a_given_checkpoint_must_be_in_the_data_set_s_order(call, tmp_path: Path, labels: object, says: str) -> None:
    save_file(tiny.Tiny(3).state_dict(), tmp_path / "mine.safetensors")
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(DataError) as caught:
        call("--checkpoint", str(tmp_path / "mine.safetensors"))
    assert says in caught.value.what
    assert caught.value.where == str(tmp_path / "labels.json")


def test_a_checkpoint_of_concord_itself_has_its_labels_beside_it(call, tmp_path: Path) -> None:
    call()
    (path,) = made(tmp_path)
    assert call("--checkpoint", str(path.parent / "checkpoint.safetensors")) == 0


def test_sizes_that_a_backbone_cannot_take_are_refused_before_anything_is_trained(call, tmp_path: Path) -> None:
    matrix = tmp_path / "matrix.toml"
    text = matrix.read_text().replace("head_epochs = 3", "train_sizes = [128, 224]").replace('"concord_tiny"', '"vit_b_32"')
    matrix.write_text(text.replace('preset = "V1"', 'preset = "DEFAULT"'))
    with pytest.raises(UsageError, match="recipe two: train_sizes: vit_b_32 takes no images of 128 x 128 pixels"):
        call()
