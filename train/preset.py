"""The preprocess spec of torchvision weights, and torchvision's own transform for a spec: what follows decoding and turning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F  # noqa: N812 - its documented name
from torchvision.transforms._presets import ImageClassification

from contract.errors import DataError, UsageError
from contract.matrix import Backbone
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from train.weights import names

INTERPOLATION: dict[Literal["bilinear", "bicubic"], InterpolationMode] = {
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}


def of_backbone(backbone: Backbone) -> PreprocessSpec:
    """The spec of `preset`, else of the first torchvision name in `weights`. Raises UsageError when neither is there."""
    named = backbone.preset or next((name for name in backbone.weights if names.is_name(name)), None)
    if named is None:
        raise UsageError(
            f"{backbone.name}: how are images preprocessed? No weights name among {', '.join(backbone.weights)}",
            where="--weights",
            next=f"add --preset NAME, one of: {', '.join(names.known(backbone.name))}",
        )
    made = names.entry(backbone.name, named).transforms()
    spec = of_transform(made)
    if repr(transform(spec)) != repr(made):
        raise UsageError(f"{named}: the preprocess spec cannot say {made}", where=backbone.name, next="choose another --preset")
    check(spec, made)
    return replace(spec, orient=backbone.orient)


def of_transform(made: Any) -> PreprocessSpec:
    """The spec that a torchvision classification preset is."""
    interpolation = {mode: name for name, mode in INTERPOLATION.items()}.get(getattr(made, "interpolation", None))
    if not isinstance(made, ImageClassification) or interpolation is None or not made.antialias:
        raise UsageError(f"not a preprocessing that Concord describes: {made!r}", where="--preset", next="choose another --preset")
    (size,), (crop,) = made.resize_size, made.crop_size
    (mean_r, mean_g, mean_b), (std_r, std_g, std_b) = made.mean, made.std
    return PreprocessSpec(
        Shorter("shorter", size), CenterCrop("center", crop, crop), (mean_r, mean_g, mean_b), (std_r, std_g, std_b), interpolation
    )


def transform(spec: PreprocessSpec) -> ImageClassification:
    """The transform for a spec, torchvision's own: what the reference is made with. Raises DataError for one that it cannot be."""
    crop = spec.crop
    if not isinstance(spec.resize, Shorter) or crop is None or crop.width != crop.height or spec.scale != "x/255":
        raise DataError(
            "torchvision's ImageClassification does not describe this preprocessing",
            where="train.json: preprocess",
            next="train it again with this checkout: nox -s train",
        )
    return ImageClassification(
        crop_size=crop.height, resize_size=spec.resize.size, mean=spec.mean, std=spec.std, interpolation=INTERPOLATION[spec.interpolation]
    )


def framed(spec: PreprocessSpec, image: Image.Image) -> Image.Image:
    """The image resized and cropped, by torchvision's functions."""
    return cropped(spec, resized(spec, image))


def resized(spec: PreprocessSpec, image: Image.Image) -> Image.Image:
    """The image resized."""
    made = transform(spec)
    scaled: Image.Image = F.resize(image, made.resize_size, interpolation=made.interpolation, antialias=made.antialias)
    return scaled


def cropped(spec: PreprocessSpec, image: Image.Image) -> Image.Image:
    """The centre of a resized image."""
    centre: Image.Image = F.center_crop(image, transform(spec).crop_size)
    return centre


def normalised(spec: PreprocessSpec, image: Image.Image) -> torch.Tensor:
    """3 x H x W float32, of a cropped image."""
    scaled = F.pil_to_tensor(image).float().div(255)
    made: torch.Tensor = F.normalize(scaled, mean=list(spec.mean), std=list(spec.std))
    return made


def check(spec: PreprocessSpec, made: Any) -> None:
    """Assert, on an image that needs padding and on one that is shrunk, that the spec's stages are the weights' own transform."""
    pixels = np.random.default_rng(0).integers(0, 256, (333, 517, 3), dtype=np.uint8)
    for image in (Image.fromarray(pixels), Image.fromarray(pixels[:40, :31])):
        if not torch.equal(normalised(spec, framed(spec, image)), made(image)):
            raise UsageError(f"the spec does not reproduce {made!r}", where="--preset", next="choose another --preset")
