"""Manifests: written last, read strictly, their files verified."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from contract import artifact, manifest, strict
from contract.errors import DataError
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 256), CenterCrop("center", 224, 224), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
TRAIN = manifest.TrainManifest(
    dataset="wings", backbone="resnet18",
    config="0123abcd", task="classify", root="/d", classes=("A", "Ω"), preprocess=SPEC,
    weights=manifest.WeightsHad(("DEFAULT", "random"), "random", None, None, "no network"),
    recipe={"name": "quick", "lr": 1e-3, "batch": 8}, seed=0,
    device="cpu", metrics={"test": manifest.Accuracy(9, 10, 0.6, 0.98)}, distinct_predictions=2, best_epoch=1, seconds=1.5,
    split={"test": (manifest.ImageEntry("a/1.jpg", 0, "ab" * 32),)}, skipped=(), notes=(), versions={"torch": "2"}, source="s", inputs="i",
)  # fmt: skip
VARIANT = manifest.VariantFile(
    name="raw-static", file="raw-static.onnx", sha256="ab" * 32, bytes=9, simplify=False, batch="static", opset_asked=18, opset_got=18,
    nodes={"Conv": 20}, nodes_before={"Conv": 20}, structural_hash="h", changed_nothing=True, checker="full", max_difference={"1": 1e-6},
    seconds=0.5,
)  # fmt: skip
EXPORT = manifest.ExportManifest(
    dataset="wings", backbone="resnet18", config="0123abcd", checkpoint_sha256="ab" * 32, variants=(VARIANT,),
    failed=(manifest.FailedVariant("sim-static", "onnxsim took over 60 s"),),
    notes=("n",), versions={}, source="s", inputs="i", seconds=2.0,
)  # fmt: skip


@pytest.mark.parametrize("written", [TRAIN, EXPORT])
def test_round_trip(tmp_path, written):
    manifest.write(written, tmp_path / "m.json")
    assert manifest.read(type(written), tmp_path / "m.json", "again") == written


def test_images_in_the_checkout_are_found_where_it_lies(monkeypatch, tmp_path):
    monkeypatch.setattr(manifest, "CHECKOUT", tmp_path)
    assert replace(TRAIN, root="data/rps").images == tmp_path / "data" / "rps"
    assert str(TRAIN.images) == "/d"


def test_its_files_are_verified_before_use(tmp_path):
    artifact.write_bytes(tmp_path / "a.onnx", b"model")
    manifest.write(replace(EXPORT, files={"a.onnx": artifact.sha256_file(tmp_path / "a.onnx")}), tmp_path / "export.json")
    assert manifest.read_verified(manifest.ExportManifest, tmp_path / "export.json", "again").variants == (VARIANT,)
    (tmp_path / "a.onnx").write_bytes(b"modem")
    with pytest.raises(DataError, match=r"a\.onnx: corrupt: its sha256 is not the manifest's\n  next: again"):
        manifest.read_verified(manifest.ExportManifest, tmp_path / "export.json", "again")
    assert manifest.read(manifest.ExportManifest, tmp_path / "export.json", "again")


def test_a_missing_one_says_what_makes_it(tmp_path):
    with pytest.raises(DataError, match=r"m\.json: no such manifest\n  next: nox -s train"):
        manifest.read(manifest.TrainManifest, tmp_path / "m.json", "nox -s train")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"format": 2}, "not a manifest of this version: 2 is not one of 1"),
        ({"format": True}, "not a manifest of this version: True is not one of 1"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"seed": "0"}, "expected an integer, got '0'"),
        ({"preprocess": json.loads(SPEC.to_json()) | {"std": [0, 1, 1]}}, "std positive"),
    ],
)
def test_another_version_or_shape_is_refused(tmp_path, change, what):
    artifact.write_text(tmp_path / "m.json", strict.pretty(strict.plain(TRAIN) | change))
    with pytest.raises(DataError) as caught:
        manifest.read(manifest.TrainManifest, tmp_path / "m.json", "again")
    assert what in caught.value.what
    assert str(tmp_path / "m.json") in caught.value.where
    assert caught.value.next == "again"


@pytest.mark.parametrize("size", [0, 1, 200])
def test_a_torn_file_is_refused(tmp_path, size):
    manifest.write(TRAIN, tmp_path / "m.json")
    (tmp_path / "m.json").write_bytes((tmp_path / "m.json").read_bytes()[:size])
    with pytest.raises(DataError, match="not valid JSON"):
        manifest.read(manifest.TrainManifest, tmp_path / "m.json", "again")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "m.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(DataError, match="not valid JSON"):
        manifest.read(manifest.TrainManifest, tmp_path / "m.json", "again")


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        manifest.write(replace(TRAIN, seconds=float("nan")), tmp_path / "m.json")
    assert list(tmp_path.iterdir()) == []
