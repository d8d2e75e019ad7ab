"""Faults of the tensor: each gets the true stages of an image and gives another float32 3 x H x W."""

from __future__ import annotations

import numpy as np

from bench.faults.catalogue import Array, Picture, fault
from contract.preprocess import PreprocessSpec


def _column(values: tuple[float, ...]) -> Array:
    return np.array(values, np.float32)[:, None, None]


def _normalised(pixels: Array, spec: PreprocessSpec) -> Array:
    """From values that should be 0 to 1, H x W x 3."""
    moved = np.moveaxis(pixels.astype(np.float32), 2, 0)
    return np.ascontiguousarray((moved - _column(spec.mean)) / _column(spec.std))


@fault("tensor", "normalise", "image", doses=(0.1, 1e-3, 1e-5, 1e-7))
def mean_off(true: Picture, dose: float) -> Array:
    """The mean is wrong (dose: by so much, of 1)."""
    return true.stages["normalise"] + np.float32(dose) / _column(true.spec.std)


@fault("tensor", "normalise", "image", doses=(0.1, 1e-3, 1e-5, 1e-7))
def std_off(true: Picture, dose: float) -> Array:
    """The standard deviation is wrong (dose: by this share)."""
    return true.stages["normalise"] / np.float32(1 + dose)


@fault("tensor", "normalise", "image")
def mean_of_bgr(true: Picture, _dose: float) -> Array:
    """Mean and standard deviation are those of blue, green, red."""
    scaled = true.stages["normalise"] * _column(true.spec.std) + _column(true.spec.mean)
    return np.ascontiguousarray((scaled - _column(true.spec.mean[::-1])) / _column(true.spec.std[::-1]))


@fault("tensor", "normalise", "image")
def not_normalised(true: Picture, _dose: float) -> Array:
    """Mean and standard deviation are forgotten: values from 0 to 1."""
    return np.ascontiguousarray(np.moveaxis(true.stages["crop"], 2, 0).astype(np.float32) / np.float32(255))


@fault("tensor", "normalise", "image")
def halves(true: Picture, _dose: float) -> Array:
    """Mean and standard deviation are 0.5, as other model families have them."""
    return np.ascontiguousarray(np.moveaxis(true.stages["crop"], 2, 0).astype(np.float32) / np.float32(127.5) - np.float32(1))


@fault("tensor", "normalise", "image")
def divided_twice(true: Picture, _dose: float) -> Array:
    """Divided by 255 twice."""
    return _normalised(true.stages["crop"] / (255.0 * 255.0), true.spec)


@fault("tensor", "normalise", "image")
def divided_by_256(true: Picture, _dose: float) -> Array:
    """Divided by 256 instead of 255."""
    return _normalised(true.stages["crop"] / 256.0, true.spec)


@fault("tensor", "normalise", "image")
def half_precision(true: Picture, _dose: float) -> Array:
    """Rounded to half precision on the way."""
    return true.stages["normalise"].astype(np.float16).astype(np.float32)


@fault("tensor", "normalise", "image")
def read_as_nhwc(true: Picture, _dose: float) -> Array:
    """Memory in the order H x W x 3 is taken for 3 x H x W."""
    planes = true.stages["normalise"]
    return np.ascontiguousarray(np.moveaxis(planes, 0, 2)).reshape(planes.shape)


@fault("tensor", "normalise", "image")
def other_expression(true: Picture, _dose: float) -> Array:
    """Multiplied by 1/255 where the spec divides, or the other way round: the last bit of 126 byte values."""
    byte = true.stages["crop"].astype(np.float32)
    by = byte * (np.float32(1) / np.float32(255)) if true.spec.scale == "x/255" else byte / np.float32(255)
    return _normalised(by, true.spec)
