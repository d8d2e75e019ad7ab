"""Arrays as files: .npy in, .npz out (uncompressed, little-endian, C order)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import DataError
from contract.protocol import ArrayInfo


def read_images(path: Path) -> NDArray[np.float32]:
    """A batch of ready tensors, float32 N x C x H x W with N >= 1. Raises DataError."""
    try:
        images = np.load(path, allow_pickle=False)
    except FileNotFoundError as fault:
        raise DataError("no such tensor", where=str(path)) from fault
    except (OSError, ValueError, EOFError) as fault:
        raise DataError(f"not an .npy file: {fault}", where=str(path)) from fault
    if not isinstance(images, np.ndarray) or images.dtype != np.float32 or images.ndim != 4 or images.shape[0] < 1:
        said = f"{images.dtype} {list(images.shape)}" if isinstance(images, np.ndarray) else "an archive"
        raise DataError(f"expected float32 N x C x H x W, got {said}", where=str(path))
    return np.ascontiguousarray(images)


def write(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, ArrayInfo]:
    """Write named arrays and say what they are. `np.savez` cannot: a value of a graph may be called `file`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, plain, allow_pickle=False)
    return {name: ArrayInfo(tuple(array.shape), array.dtype.name) for name, array in arrays.items()}
