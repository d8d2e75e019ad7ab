from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from contract.errors import DataError, UsageError
from contract.matrix import Backbone
from train.weights import choose as chooser
from train.weights import names
from train.weights.choose import choose
from train.weights.download import MIRROR, DownloadFailedError


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:9")


def backbone(*weights: str, name: str = "concord_tiny") -> Backbone:
    return Backbone(name, "classify", weights, {"cpu": "head"})


def test_a_failed_download_falls_through_and_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = choose(backbone("DEFAULT", "random"), tmp_path, checkpoint=None, offline=False)
    assert (found.random, found.had.had, found.had.asked) == (True, "random", ("DEFAULT", "random"))
    assert "refused" in found.had.why
    assert "concord_tiny: DEFAULT: download failed" in capsys.readouterr().err


def test_a_list_with_one_name_is_strict(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailedError):
        choose(backbone("DEFAULT"), tmp_path, checkpoint=None, offline=False)


def test_offline_counts_as_a_failed_download(tmp_path: Path) -> None:
    assert "--offline" in choose(backbone("V1", "random"), tmp_path, checkpoint=None, offline=True).had.why


def test_a_misspelt_name_is_an_error_also_where_it_would_not_be_reached(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'V1'"):
        choose(backbone("random", "V11"), tmp_path, checkpoint=None, offline=False)


def test_a_missing_file_does_not_fall_through(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such weights file"):
        choose(backbone(f"file:{tmp_path}/gone.npz", "random"), tmp_path, checkpoint=None, offline=False)


def test_downloaded_weights_carry_their_full_hash_and_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(b"weights")
    monkeypatch.setattr(chooser, "fetch", lambda *_, **__: path)
    entry = SimpleNamespace(name="IMAGENET1K_SWAG_E2E_V1", url="", meta={})
    monkeypatch.setattr(names, "entry", lambda *_: entry)
    had = choose(backbone("DEFAULT"), tmp_path, checkpoint=None, offline=False).had
    assert (had.had, had.sha256) == ("IMAGENET1K_SWAG_E2E_V1", hashlib.sha256(b"weights").hexdigest())
    assert had.licence.startswith("CC-BY-NC-4.0")


def test_a_checkpoint_comes_before_all_weights(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"weights")
    found = choose(backbone("DEFAULT"), tmp_path, checkpoint=path, offline=False)
    assert (found.checkpoint, found.had.had) == (True, "checkpoint:mine.safetensors")


def test_names_of_torchvision() -> None:
    assert names.known("regnet_y_16gf") == ["IMAGENET1K_V1", "IMAGENET1K_V2", "IMAGENET1K_SWAG_E2E_V1", "IMAGENET1K_SWAG_LINEAR_V1"]
    assert names.entry("regnet_x_400mf", "DEFAULT").name == "IMAGENET1K_V2"
    assert names.entry("resnet18", "ResNet18_Weights.IMAGENET1K_V1").name == "IMAGENET1K_V1"
    with pytest.raises(UsageError, match="did you mean 'IMAGENET1K_V1'"):
        names.entry("resnet18", "IMAGENET1K_V2")
    with pytest.raises(UsageError, match="did you mean 'resnet18'"):
        names.known("resnet-18")
