"""The array that a `stages` request starts from, read from its file and held against the spec."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import DataError
from contract.predicting import StageStart
from contract.preprocess import PreprocessSpec

NEXT = "write the array of that stage with numpy.save: uint8 H x W x 3, for normalise float32 3 x H x W"


def start_array(start: StageStart, spec: PreprocessSpec) -> NDArray[Any]:
    """What a stage made of an image: uint8 H x W x 3, or float32 3 x H x W after `normalise`.

    Raises DataError naming the file: unreadable, another dtype or shape, or after `crop` not of the size that the spec crops to.
    """
    try:
        array = np.load(start.array, allow_pickle=False)
    except FileNotFoundError as fault:
        raise DataError("no such array", where=start.array) from fault
    except (OSError, ValueError, EOFError) as fault:
        raise DataError(f"not an .npy file: {fault}", where=start.array, next=NEXT) from fault
    if not isinstance(array, np.ndarray):
        raise DataError("an archive, not an .npy file", where=start.array, next=NEXT)
    tensor = start.stage == "normalise"
    dtype, channels = (np.dtype(np.float32), 0) if tensor else (np.dtype(np.uint8), 2)
    if array.dtype != dtype or array.ndim != 3 or array.shape[channels] != 3 or array.size == 0:
        wanted = "float32 3 x H x W" if tensor else "uint8 H x W x 3"
        raise DataError(f"{start.stage} takes {wanted}, got {array.dtype} {list(array.shape)}", where=start.array, next=NEXT)
    size = array.shape[1:] if tensor else array.shape[:2]
    if start.stage in ("crop", "normalise") and spec.input_size not in (None, size):
        raise DataError(f"{start.stage} makes {spec.input_size} pixels, height first, got {size}", where=start.array, next=NEXT)
    return np.ascontiguousarray(array)
