"""What programs do to pixels: turn, resample, cut. uint8 H x W x 3 in and out, sizes as (width, height)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Size = tuple[int, int]
Grid = Literal["half-pixel", "asymmetric", "align-corners"]
FILTERS = {each.name.lower(): each for each in Image.Resampling}
# How a program that knows EXIF turns an image: the names say what becomes of the stored one.
TURNS = {
    2: "mirrored left to right", 3: "turned by 180 degrees", 4: "mirrored top to bottom", 5: "transposed",
    6: "turned by 90 degrees clockwise", 7: "transposed along the other diagonal", 8: "turned by 90 degrees counterclockwise",
}  # fmt: skip


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """As `ImageOps.exif_transpose` turns an image of this EXIF orientation (1-8)."""
    across = pixels.transpose(1, 0, 2)
    return {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: across, 6: across[:, ::-1], 7: across[::-1, ::-1],
        8: across[::-1],
    }[orientation]  # fmt: skip


def size_of(pixels: NDArray[np.generic]) -> Size:
    """Width and height."""
    return pixels.shape[1], pixels.shape[0]


def resized(pixels: Pixels, size: Size, name: str) -> Pixels:
    """By Pillow's filter of this name, which is antialiased."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, FILTERS[name]))


def unrounded(pixels: Pixels, size: Size, name: str) -> NDArray[np.float32]:
    """The same without rounding to bytes, neither at the end nor between the passes (float32 H x W x 3)."""
    bands = [Image.fromarray(pixels[..., band].astype(np.float32)).resize(size, FILTERS[name]) for band in range(3)]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def to_bytes(values: NDArray[np.floating]) -> Pixels:
    """Rounded half up and clipped."""
    return np.asarray(np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8))


def sampled(pixels: Pixels, size: Size, name: str, grid: Grid = "half-pixel") -> Pixels:
    """Without antialias, as OpenCV and torch (`antialias=False`) do: the nearest 1 (nearest), 2 (bilinear) or 4 (bicubic) pixels alone."""
    rows = _along(pixels, size[1], name, grid)
    return to_bytes(_along(rows.transpose(1, 0, 2), size[0], name, grid).transpose(1, 0, 2))


def averaged(pixels: Pixels, size: Size, *, whole: bool) -> Pixels:
    """Each pixel the mean of the area that it covers: with parts of pixels as OpenCV's INTER_AREA, or of `whole` ones as torch's `area`."""
    rows = _means(pixels.astype(np.float64), size[1], whole=whole)
    return to_bytes(_means(rows.transpose(1, 0, 2), size[0], whole=whole).transpose(1, 0, 2))


def _means(values: NDArray[np.float64], length: int, *, whole: bool) -> NDArray[np.float64]:
    have = len(values)
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    ends = np.arange(length + 1) * have / length
    first, last = (np.floor(ends[:-1]), np.ceil(ends[1:])) if whole else (ends[:-1], ends[1:])

    def until(at: NDArray[np.float64]) -> NDArray[np.float64]:
        below = np.minimum(at.astype(int), have - 1)
        part = (at - below)[:, None, None]
        return np.asarray(sums[below] * (1 - part) + sums[below + 1] * part)

    return np.asarray((until(last) - until(first)) / (last - first)[:, None, None])


def _along(values: NDArray[np.generic], length: int, name: str, grid: Grid) -> NDArray[np.float32]:
    """Resample the first axis."""
    have, places = len(values), np.arange(length)
    match grid:
        case "half-pixel":
            at = (places + 0.5) * have / length - 0.5
        case "asymmetric":
            at = places * have / length
        case "align-corners":
            at = places * (have - 1) / max(length - 1, 1)
    first = np.floor(at).astype(int)
    part = at - first
    taps: dict[int, NDArray[np.float64]]
    if name == "nearest":
        taps = {0: np.ones(length)}
    elif name == "bilinear":
        taps = {0: 1 - part, 1: part}
    else:
        taps = {step: _cubic(np.abs(part - step)) for step in (-1, 0, 1, 2)}
    found = np.zeros((length, *values.shape[1:]), np.float32)
    for step, weight in taps.items():
        found += weight[:, None, None].astype(np.float32) * values[np.clip(first + step, 0, have - 1)].astype(np.float32)
    return found


def _cubic(far: NDArray[np.float64], sharp: float = -0.75) -> NDArray[np.float64]:
    near = ((sharp + 2) * far - (sharp + 3)) * far * far + 1
    return np.asarray(np.where(far <= 1, near, ((far - 5) * far + 8) * far * sharp - 4 * sharp))


def centre(size: Size, cut: Size) -> Size:
    """Left and top of the centre, as torchvision rounds them: half to even."""
    return round((size[0] - cut[0]) / 2.0), round((size[1] - cut[1]) / 2.0)


def cropped(pixels: NDArray[np.generic], cut: Size, at: Size | None = None) -> NDArray[np.generic]:
    """Cut out `cut` at `at` (default: the centre); smaller images are padded with black first."""
    width, height = size_of(pixels)
    wide, high = max(cut[0] - width, 0), max(cut[1] - height, 0)
    if wide or high:
        pixels = np.pad(pixels, ((high // 2, high - high // 2), (wide // 2, wide - wide // 2), (0, 0)))
    left, top = centre(size_of(pixels), cut) if at is None else at
    return pixels[top : top + cut[1], left : left + cut[0]]


def shifted(pixels: Pixels, right: int, down: int) -> Pixels:
    """Moved by whole pixels; what comes in is the edge repeated."""
    rows = np.clip(np.arange(pixels.shape[0]) - down, 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(pixels.shape[1]) - right, 0, pixels.shape[1] - 1)
    return pixels[rows][:, columns]
