from __future__ import annotations

import ast
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from contract.errors import DataError
from train.weights import files

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.tensor([1.0, 2.0])}


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(STATE, path)
    elif suffix == ".npz":
        np.savez(path, **{name: tensor.numpy() for name, tensor in STATE.items()})
    else:
        torch.save({"epoch": 3, "model_state_dict": STATE} if suffix == ".pt" else STATE, path)
    return path


@pytest.mark.parametrize("suffix", files.READABLE)
def test_each_form_is_read(tmp_path: Path, suffix: str) -> None:
    found = files.read(written(tmp_path, suffix))
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("suffix", files.READABLE)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_cut_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = written(tmp_path, suffix)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError, match="not a readable weights file") as caught:
        files.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["the weights", "a", "e", "s", "0", "t", "(", "q", "r", "u", "b", "R"])
def test_a_text_is_no_pickle(tmp_path: Path, text: str) -> None:
    """What torch raises depends on which opcode the first sign happens to be."""
    (tmp_path / "weights.pth").write_text(text)
    with pytest.raises(DataError, match="not a readable weights file"):
        files.read(tmp_path / "weights.pth")


def test_a_pickle_that_runs_code_is_refused_whatever_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Payload:
        def __reduce__(self) -> object:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"fc.weight": Payload()}, tmp_path / "evil.pth")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(DataError):
        files.read(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_every_torch_load_says_weights_only() -> None:
    for path in (Path(files.__file__).parents[1]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert ("weights_only", "True") in [(word.arg, ast.unparse(word.value)) for word in node.keywords], path


def test_nan_is_refused_by_name(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.tensor([1.0, float("nan")])}, tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=r"'fc.weight' holds NaN"):
        files.read(tmp_path / "x.safetensors")


def test_other_contents_names_and_paths_are_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match="holds no state_dict"):
        files.read(tmp_path / "list.pth")
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(DataError, match=r"ends in \.safetensors"):
        files.read(tmp_path / "model.onnx")
    with pytest.raises(DataError, match="no such weights file"):
        files.read(tmp_path / "gone.npz")


def test_old_densenet_names_are_understood(tmp_path: Path) -> None:
    save_file({"features.denseblock1.denselayer1.norm.1.weight": torch.ones(2)}, tmp_path / "x.safetensors")
    assert list(files.read(tmp_path / "x.safetensors")) == ["features.denseblock1.denselayer1.norm1.weight"]
