"""A torchvision model with given weights as a reference: what does not go together is refused before anything is built."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from contract import strict
from contract.errors import DataError, UsageError
from contract.manifest import TRAIN, TrainManifest, WeightsHad, read_verified
from contract.matrix import Backbone
from train import preset, reference
from train.__main__ import main, reference_parser
from train.model.build import bare
from train.weights.choose import Source

NAMED = Backbone("resnet18", "classify", ("file:x",), {}, preset="DEFAULT")
SPEC = preset.of_backbone(NAMED)


def spec_file(folder: Path, **changes: object) -> Path:
    path = folder / "spec.json"
    path.write_text(replace(SPEC, **changes).to_json())
    return path


def test_the_spec_is_the_files_else_the_presets(tmp_path):
    assert reference.spec_of(NAMED, None) == SPEC
    turning = replace(SPEC, orient=True)
    assert reference.spec_of(NAMED, spec_file(tmp_path, orient=True)) == turning
    bicubic = spec_file(tmp_path, interpolation="bicubic")
    assert reference.spec_of(replace(NAMED, preset=None), bicubic).interpolation == "bicubic"
    with pytest.raises(UsageError, match="DEFAULT prepares images otherwise"):
        reference.spec_of(NAMED, bicubic)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("random", "random weights are nobody's model"),
        ("file:nowhere.pth", "no such weights file"),
        ("file:", "'file:' names no file"),
    ],
)
def test_weights_that_are_not_there(tmp_path, weights, said):
    asked = ["--backbone", "resnet18", "--weights", weights, "--out", str(tmp_path / "out"), "--preset", "DEFAULT"]
    with pytest.raises((UsageError, DataError), match=said):
        reference.write(reference_parser().parse_args(asked))
    assert not (tmp_path / "out").exists()


def source(path: Path) -> Source:
    return Source(path, WeightsHad(("file:x",), "file:x", None, None), checkpoint=True)


def test_classes_are_counted_in_the_head(tmp_path):
    save_file({"fc.weight": torch.zeros(7, 5)}, tmp_path / "head.safetensors")
    assert reference.rows(source(tmp_path / "head.safetensors"), "fc") == 7
    with pytest.raises(DataError, match=r"it has no head 'classifier\.weight'"):
        reference.rows(source(tmp_path / "head.safetensors"), "classifier")


def test_class_names_are_as_many_as_classes(tmp_path):
    assert reference.class_names(None, 2) == ("class 0", "class 1")
    path = tmp_path / "classes.json"
    path.write_text(strict.dumps(("ADONIS", "ORACLE'S EYE — Ω")), encoding="utf-8")
    assert reference.class_names(path, 2) == ("ADONIS", "ORACLE'S EYE — Ω")
    with pytest.raises(UsageError, match="2 class names, and the weights have 3 classes"):
        reference.class_names(path, 3)


def test_files_that_are_not_there_are_named(tmp_path):
    for read in (lambda path: reference.spec_of(NAMED, path), lambda path: reference.class_names(path, 3)):
        with pytest.raises(DataError, match="cannot be read: ") as caught:
            read(tmp_path / "nope.json")
        assert caught.value.where == str(tmp_path / "nope.json")


def asked_of(folder: Path) -> tuple[list[str], dict[str, torch.Tensor]]:
    """The options for a model whose weights lie in a folder, and these weights."""
    torch.manual_seed(0)
    given = bare("squeezenet1_1", 3, pretrained=False).state_dict()
    save_file(given, folder / "given.safetensors")
    weights = f"file:{folder / 'given.safetensors'}"
    return ["--backbone", "squeezenet1_1", "--weights", weights, "--out", str(folder / "out"), "--preset", "DEFAULT"], given


def test_what_is_written_is_the_model_that_was_given(tmp_path):
    asked, given = asked_of(tmp_path)
    reference.write(reference_parser().parse_args(asked))
    made = read_verified(TrainManifest, tmp_path / "out" / TRAIN, "")
    assert (made.classes, made.split) == (("class 0", "class 1", "class 2"), {"test": ()})
    built = reference.files.read(tmp_path / "out" / "checkpoint.safetensors")
    assert all(torch.equal(built[name], value) for name, value in given.items())


def test_with_json_stdout_has_the_manifest_and_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train", "reference", *asked_of(tmp_path)[0], "--json"])
    assert main() == 0
    assert capsys.readouterr().out == (tmp_path / "out" / TRAIN).read_text(encoding="utf-8")
