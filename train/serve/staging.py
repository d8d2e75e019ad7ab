"""The stages of one image, or those after an array that somebody else made: what parity compares and swaps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from contract.protocol import STAGES, Staged, StagesArgs
from contract.staging import start_array
from train import preset
from train.data.images import read, turned
from train.serve.loading import OUTPUT, Array, Session
from train.serve.predicting import save


def stages(session: Session, args: StagesArgs) -> Staged:
    """Every stage's array, or those from `start` on, by torchvision's functions; the tensor is asserted to be the preset's own."""
    orientation: int | None = None
    if args.start is None:
        image, orientation = read(Path(args.image))
        arrays = _onwards(session, {"decode": np.asarray(image)}, orientation, args.image)
    else:
        # Only turning needs more of the image than the array that was given for it.
        stated = read(Path(args.image))[1] if args.start.stage == "decode" and session.spec.orient else None
        given: dict[str, Array] = {args.start.stage: start_array(args.start, session.spec)}
        arrays = _onwards(session, given, stated, args.start.array)
    if "orient" in arrays and not np.array_equal(arrays["normalise"], session.transform(Image.fromarray(arrays["orient"])).numpy()):
        raise AssertionError("the stages are not what torchvision's own transform makes")
    arrays[OUTPUT] = session.forward(arrays["normalise"][None])[0]
    top1 = int(arrays[OUTPUT].argmax())
    return Staged(save(arrays, Path(args.out)), top1, session.classes[top1], orientation)


def _onwards(session: Session, arrays: dict[str, Array], stated: int | None, place: str) -> dict[str, Array]:
    spec = session.spec

    def within_memory(image: Image.Image) -> Image.Image:
        spec.refuse_huge(image.size, place)
        return preset.resized(spec, image)

    steps: dict[str, Callable[[Image.Image], Any]] = {
        "orient": lambda image: turned(image, stated) if spec.orient else image,
        "resize": within_memory,
        "crop": lambda image: preset.cropped(spec, image),
        "normalise": lambda image: preset.normalised(spec, image).numpy(),
    }
    for before, stage in pairwise(STAGES):
        if before in arrays:
            arrays[stage] = np.ascontiguousarray(steps[stage](Image.fromarray(arrays[before])))
    return arrays
