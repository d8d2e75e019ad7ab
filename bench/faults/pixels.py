"""Faults of pixels: each gets the true stages of an image (uint8 H x W x 3) and gives the array that a wrong program would make of one."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from bench.faults.catalogue import Array, Picture, fault

F = Image.Resampling


@fault("pixels", "decode", "image", doses=(1.0, 0.1, 0.01))
def bgr(true: Picture, dose: float) -> Array:
    """Blue and red are exchanged (dose: mixed in)."""
    pixels = true.stages["decode"]
    return _bytes((1 - dose) * pixels + dose * pixels[..., ::-1].astype(np.float64))


@fault("pixels", "decode", "image")
def rotated(true: Picture, _dose: float) -> Array:
    """The image is turned by a quarter."""
    return np.ascontiguousarray(np.rot90(true.stages["decode"]))


@fault("pixels", "decode", "image")
def mirrored(true: Picture, _dose: float) -> Array:
    """Left and right are exchanged."""
    return np.ascontiguousarray(true.stages["decode"][:, ::-1])


@fault("pixels", "orient", "image")
def exif_applied(true: Picture, _dose: float) -> Array:
    """The EXIF orientation is applied though the spec says no, as cv2.imread does."""
    with Image.open(true.path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@fault("pixels", "decode", "image")
def fast_chroma(true: Picture, _dose: float) -> Array:
    """Chroma is upsampled by repeating, as JPEG decoders with fast upsampling do."""
    luma, *chroma = Image.fromarray(true.stages["decode"]).convert("YCbCr").split()
    half = ((luma.width + 1) // 2, (luma.height + 1) // 2)
    coarse = [plane.resize(half, F.BOX).resize(luma.size, F.NEAREST) for plane in chroma]
    return np.asarray(Image.merge("YCbCr", (luma, *coarse)).convert("RGB"))


@fault("pixels", "decode", "image", doses=(75.0, 95.0))
def compressed_again(true: Picture, dose: float) -> Array:
    """The image went through another JPEG (dose: its quality)."""
    file = BytesIO()
    Image.fromarray(true.stages["decode"]).save(file, "JPEG", quality=int(dose))
    return np.asarray(Image.open(file).convert("RGB"))


def _resized(true: Picture, kernel: F) -> Array:
    height, width, _ = true.stages["resize"].shape
    return np.asarray(Image.fromarray(true.stages["orient"]).resize((width, height), kernel))


@fault("pixels", "resize", "image")
def nearest_resize(true: Picture, _dose: float) -> Array:
    """Resized by the nearest pixel."""
    return _resized(true, F.NEAREST)


@fault("pixels", "resize", "image")
def other_filter(true: Picture, _dose: float) -> Array:
    """Bicubic where the spec says bilinear, or the other way round."""
    return _resized(true, F.BICUBIC if true.spec.interpolation == "bilinear" else F.BILINEAR)


@fault("pixels", "resize", "image")
def lanczos_resize(true: Picture, _dose: float) -> Array:
    """Resized by Lanczos, as many Rust and Go programs do."""
    return _resized(true, F.LANCZOS)


@fault("pixels", "resize", "image")
def no_antialias(true: Picture, _dose: float) -> Array:
    """Resized bilinearly without antialiasing, as cv2.resize does."""
    source = true.stages["orient"].astype(np.float64)
    height, width, _ = true.stages["resize"].shape
    rows, down = _neighbours(source.shape[0], height)
    columns, right = _neighbours(source.shape[1], width)
    upper = source[rows[0]] * (1 - down)[:, None, None] + source[rows[1]] * down[:, None, None]
    return _bytes(upper[:, columns[0]] * (1 - right)[None, :, None] + upper[:, columns[1]] * right[None, :, None])


def _neighbours(old: int, new: int) -> tuple[tuple[Array, Array], Array]:
    # Pixel centres at (i + 0.5): cv2's INTER_LINEAR and torch's antialias=False.
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.floor(place).astype(int)
    return (low, np.minimum(low + 1, old - 1)), place - low


@fault("pixels", "resize", "image")
def squashed(true: Picture, _dose: float) -> Array:
    """Resized to the crop's size at once, whatever the image's shape."""
    height, width, _ = true.stages["crop"].shape
    return np.asarray(Image.fromarray(true.stages["orient"]).resize((width, height), F.BILINEAR))


@fault("pixels", "resize", "image", doses=(24.0, 1.0))
def other_size(true: Picture, dose: float) -> Array:
    """Resized to another size (dose: by so many pixels), as 256 for 232."""
    height, width, _ = true.stages["resize"].shape
    scale = 1 + dose / min(height, width)
    kernel = F.BILINEAR if true.spec.interpolation == "bilinear" else F.BICUBIC
    return np.asarray(Image.fromarray(true.stages["orient"]).resize((round(width * scale), round(height * scale)), kernel))


@fault("pixels", "resize", "image")
def truncated(true: Picture, _dose: float) -> Array:
    """Resized values are cut off instead of rounded."""
    height, width, _ = true.stages["resize"].shape
    kernel = F.BILINEAR if true.spec.interpolation == "bilinear" else F.BICUBIC
    planes = [
        Image.fromarray(plane.astype(np.float32)).resize((width, height), kernel) for plane in np.moveaxis(true.stages["orient"], 2, 0)
    ]
    return np.stack([np.clip(np.floor(np.asarray(plane) + 1e-3), 0, 255) for plane in planes], axis=2).astype(np.uint8)


@fault("pixels", "crop", "image", doses=(8.0, 1.0))
def crop_shifted(true: Picture, dose: float) -> Array:
    """The crop is off (dose: by so many pixels down and right)."""
    return _window(true, int(dose), int(dose))


@fault("pixels", "crop", "image")
def crop_at_corner(true: Picture, _dose: float) -> Array:
    """The upper left corner is cut out instead of the centre."""
    return _window(true, -(10**6), -(10**6))


def _window(true: Picture, down: int, right: int) -> Array:
    whole, (height, width, _) = true.stages["resize"], true.stages["crop"].shape
    room = whole.shape[0] - height, whole.shape[1] - width
    # Where there is no room on that side, the window goes to the other one; an image of just the crop's size is rolled.
    if not any(room):
        return np.roll(whole, (down, right), (0, 1)) if down > 0 else np.roll(whole, (1, 1), (0, 1))
    top, left = (int(np.clip(round(space / 2) + move, 0, space)) for space, move in zip(room, (down, right), strict=True))
    return whole[top : top + height, left : left + width]


def _bytes(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
