"""Weights files with torchvision's key names: .safetensors, .pth / .pt (never unpickling code), .npz."""

from __future__ import annotations

import re
import struct
import zipfile
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from contract.errors import DataError

Tensors = dict[str, torch.Tensor]
READABLE = (".safetensors", ".pth", ".pt", ".npz")
# What torch's unpickler raises of bytes that are no pickle depends on where they stop to be one.
UNPICKLING_FAILS = (UnpicklingError, EOFError, KeyError, IndexError, TypeError, AttributeError, AssertionError, struct.error)
READING_FAILS = (SafetensorError, RuntimeError, ValueError, OSError, zipfile.BadZipFile, *UNPICKLING_FAILS)
NESTED = ("state_dict", "model_state_dict", "model")
# Names in torchvision's oldest DenseNet files.
OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.\w+)$")


def read(path: Path) -> Tensors:
    """Tensors by name, each of them finite. Raises DataError naming the file."""
    tensors = load(path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise DataError(f"'{name}' holds NaN or infinity", where=str(path), next="train it anew, or choose other weights")
    return tensors


def load(path: Path) -> Tensors:
    """Tensors by name, as they are. Raises DataError naming the file."""
    if not path.is_file():
        raise DataError("no such weights file", where=str(path), next="check the path after file: or --checkpoint")
    if path.suffix not in READABLE:
        raise DataError(f"a weights file ends in {', '.join(READABLE)}", where=str(path), next="save it in one of these forms")
    try:
        tensors = _read(path)
    except READING_FAILS as fault:
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise DataError(f"not a readable weights file: {reason[:200]}", where=str(path), next="save the state_dict anew") from fault
    return {OLD_DENSENET.sub(r"\1\2", name): tensor for name, tensor in tensors.items()}


def _read(path: Path) -> Tensors:
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    if path.suffix == ".npz":
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}
    # weights_only also when the environment says otherwise: a pickle of a stranger runs code.
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    for key in NESTED:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise ValueError("it holds no state_dict (tensors by name)")
    return {str(name): tensor for name, tensor in loaded.items()}
