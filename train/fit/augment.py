"""Augmentation for training, on PIL images, ending in the preset's own normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from PIL import Image
from torchvision.transforms import v2

from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from train.preset import INTERPOLATION, transform

Augmentation = Literal["none", "flip", "crop-flip", "trivial"]
Transform = Callable[[Image.Image], torch.Tensor]
# Milder than ImageNet's 0.08: a small set's subject fills the picture.
SMALLEST_CROP = 0.35


def resized(spec: PreprocessSpec, size: int) -> PreprocessSpec:
    """The spec with another input size in pixels, framing the image as before."""
    assert spec.crop is not None
    assert isinstance(spec.resize, Shorter)
    shorter = Shorter("shorter", round(spec.resize.size * size / spec.crop.height))
    return replace(spec, resize=shorter, crop=CenterCrop("center", size, size))


def training_transform(augmentation: Augmentation, spec: PreprocessSpec) -> Transform:
    """Random parts first (from torch's global generator), then a tensor, normalised as in evaluation."""
    if augmentation == "none":
        return evaluation_transform(spec)
    assert spec.crop is not None
    assert isinstance(spec.resize, Shorter)
    how, size = INTERPOLATION[spec.interpolation], [spec.crop.height, spec.crop.width]
    if augmentation == "flip":
        framed = [v2.Resize(spec.resize.size, interpolation=how), v2.CenterCrop(size)]
    else:
        framed = [v2.RandomResizedCrop(size, scale=(SMALLEST_CROP, 1.0), interpolation=how)]
    bent = [v2.TrivialAugmentWide(interpolation=how)] if augmentation == "trivial" else []
    plain = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(spec.mean, spec.std)]
    made: Transform = v2.Compose([*framed, v2.RandomHorizontalFlip(), *bent, *plain])
    return made


def evaluation_transform(spec: PreprocessSpec) -> Transform:
    """The preset's own transform, by torchvision."""
    made: Transform = transform(spec)
    return made
