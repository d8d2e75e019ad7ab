"""Every stage of one image kept, or those after an array that somebody else made: what parity compares and swaps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from contract.preprocess import PreprocessSpec
from contract.protocol import STAGES, StageStart
from contract.staging import start_array
from infer_py.preprocess import crop, decode, normalise, resize, turned

Array = NDArray[Any]


def stages(path: Path, spec: PreprocessSpec, start: StageStart | None = None) -> tuple[dict[str, Array], int | None]:
    """Arrays by stage, from `start` on, and the EXIF orientation that the file states, None where a start was given.

    uint8 H x W x 3 up to `crop`, then float32 3 x H x W. Raises DataError naming the file.
    """
    if start is not None:
        # Only turning needs more of the image than the array that was given for it.
        stated = decode(path)[1] if start.stage == "decode" and spec.orient else None
        return _onwards({start.stage: start_array(start, spec)}, spec, stated, start.array), None
    image, stated = decode(path)
    return _onwards({"decode": np.asarray(image)}, spec, stated, str(path)), stated


def _onwards(arrays: dict[str, Array], spec: PreprocessSpec, stated: int | None, place: str) -> dict[str, Array]:
    def within_memory(image: Image.Image) -> Image.Image:
        spec.refuse_huge(image.size, place)
        return resize(image, spec)

    steps: dict[str, Callable[[Image.Image], Any]] = {
        "orient": lambda image: turned(image, stated if spec.orient else None),
        "resize": within_memory,
        "crop": lambda image: crop(image, spec),
        "normalise": lambda image: normalise(image, spec),
    }
    for before, stage in pairwise(STAGES):
        if before in arrays:
            arrays[stage] = np.asarray(steps[stage](Image.fromarray(arrays[before])))
    return arrays
