"""A few held-out images as the tensor that PyTorch sees: through torchvision's own transform."""

from __future__ import annotations

import torch
from PIL import Image

from contract.artifact import sha256_file
from contract.errors import DataError
from contract.manifest import ImageEntry, TrainManifest
from train import preset
from train.data.images import decode

COUNT = 3


def held_out(trained: TrainManifest) -> torch.Tensor:
    """Float32 N x 3 x H x W: the first, the middle and the last image of the test split. Raises DataError."""
    entries = trained.split.get("test", ())
    if not entries:
        raise DataError("has no test images to check an export with", where=trained.dataset, next="nox -s train, with a test split")
    places = [round(place * (len(entries) - 1) / (COUNT - 1)) for place in range(COUNT)]
    made = preset.transform(trained.preprocess)
    return torch.stack([made(_decoded(trained, entries[place])) for place in places])


def _decoded(trained: TrainManifest, entry: ImageEntry) -> Image.Image:
    path = trained.images / entry.path
    remedy = "put the data set back, or train again on what is there: nox -s train -- --force"
    if not path.is_file():
        raise DataError("a test image is missing", where=str(path), next=remedy)
    if sha256_file(path) != entry.sha256:
        raise DataError("a test image has changed since training", where=str(path), next=remedy)
    return decode(path, orient=trained.preprocess.orient)
