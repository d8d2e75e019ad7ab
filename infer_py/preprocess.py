"""Image file -> tensor with Pillow and NumPy, as the spec in the model says: equal to torchvision's preset to the last bit."""

from __future__ import annotations

import io
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from contract import scans
from contract.errors import DataError, EnvironmentFault
from contract.pictures import BROKEN, FORMATS, JPEGS, orientation, refusal
from contract.preprocess import PreprocessSpec

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# By EXIF orientation, as PIL.ImageOps.exif_transpose; 1 is upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DECODE_FAULTS: tuple[type[Exception], ...] = (*BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning)
Pixels = NDArray[np.uint8]
Tensor = NDArray[np.float32]


def preprocess(path: Path, spec: PreprocessSpec) -> Tensor:
    """The tensor of one image, float32 3 x H x W. Raises DataError naming the file."""
    return normalise(crop(resize(opened(path, spec), spec), spec), spec)


def opened(path: Path, spec: PreprocessSpec) -> Image.Image:
    """The decoded image, turned if the spec says so. Raises DataError, also for one that it would make larger than memory holds."""
    return decoded(read(path), path, spec)


def decoded(file: bytes, path: Path, spec: PreprocessSpec) -> Image.Image:
    """As `opened`, of the bytes that `read` gave."""
    image = turned(*decode_bytes(file, path, orient=spec.orient))
    spec.refuse_huge(image.size, str(path))
    return image


def read(path: Path) -> bytes:
    """The bytes of an image file. Raises DataError for a missing one, and, unread, for one that is huge or of a foreign format."""
    try:
        if reason := refusal(path):
            raise DataError(reason, where=str(path), next=f"use {', '.join(FORMATS)}")
        return path.read_bytes()
    except FileNotFoundError as fault:
        raise DataError("no such image", where=str(path), next="check the path") from fault
    except (OSError, ValueError, MemoryError) as fault:
        raise DataError(f"cannot be read: {_said(fault)}", where=str(path), next=f"use {', '.join(FORMATS)}") from fault


def decode(path: Path, *, orient: bool = True) -> tuple[Image.Image, int | None]:
    """An image file as RGB, whole, and the EXIF orientation that it states, None where it states none or `orient` is false.

    Raises DataError for a missing, broken, huge or foreign file.
    """
    return decode_bytes(read(path), path, orient=orient)


def decode_bytes(file: bytes, path: Path, *, orient: bool = True) -> tuple[Image.Image, int | None]:
    """As `decode`, of the bytes that `read` gave; an error names the path."""
    with warnings.catch_warnings():
        # Palettes with alpha, which convert("RGB") drops, and damaged EXIF data: nothing that changes a pixel.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(file), formats=FORMATS) as image:
                # A file that has a name Pillow may map into memory, and reads some bitmaps then that it refuses without one.
                image.filename = str(path)
                if image.format in JPEGS and (reason := scans.refusal(file, *image.size)):
                    raise DataError(reason, where=str(path), next="replace it")
                # Decoded first: a PNG file may state it behind its pixels.
                return image.convert("RGB"), orientation(image) if orient else None
        except DECODE_FAULTS as fault:
            raise DataError(f"cannot be decoded: {_said(fault)}", where=str(path), next=f"use {', '.join(FORMATS)}") from fault


def turned(image: Image.Image, stated: int | None) -> Image.Image:
    """Upright, when it is stored as this EXIF orientation says."""
    method = TURNS.get(stated or 1)
    return image if method is None else image.transpose(method)


def resize(image: Image.Image, spec: PreprocessSpec) -> Image.Image:
    """Scale by Pillow; the sizes are torchvision's. Raises EnvironmentFault for a Pillow that scales otherwise than the spec means."""
    target = spec.resized(*image.size)
    if target == image.size:
        return image
    check_order(PIL.__version__)
    return image.resize(target, FILTERS[spec.interpolation])


@lru_cache(maxsize=1)
def check_order(version: str) -> None:
    """Raise EnvironmentFault where the Pillow of this version does not scale rows and columns in the order that the spec means.

    Found out by scaling, once: a high, a wide and a square picture in both orders, of which one must be what Pillow itself makes.
    """
    for size, target in (((8, 80), (4, 20)), ((80, 8), (20, 4)), ((32, 32), (14, 14))):
        noise = (np.arange(3 * size[0] * size[1]) * 7919 % 251).astype(np.uint8)
        image = Image.fromarray(noise.reshape(size[1], size[0], 3))
        between = (size[0], target[1]) if PreprocessSpec.columns_first(size, target) else (target[0], size[1])
        for filter_ in FILTERS.values():
            if image.resize(target, filter_).tobytes() != image.resize(between, filter_).resize(target, filter_).tobytes():
                raise EnvironmentFault(
                    f"Pillow {version} scales rows and columns in another order than the spec means: pixels differ in the last bit",
                    where="resize",
                    next="install Pillow 13.0.0, which the lock names",
                )


def crop(image: Image.Image, spec: PreprocessSpec) -> Image.Image:
    """Cut out the centre, padding smaller images with black (source: torchvision 0.29, `center_crop`)."""
    if spec.crop is None:
        return image
    wide, high = spec.crop.width, spec.crop.height
    width, height = image.size
    if wide > width or high > height:
        left, top = max(wide - width, 0) // 2, max(high - height, 0) // 2
        padded = Image.new("RGB", (max(width, wide), max(height, high)))
        padded.paste(image, (left, top))
        image, (width, height) = padded, padded.size
    # round() goes half to even, and so does torchvision.
    left, top = round((width - wide) / 2.0), round((height - high) / 2.0)
    return image.crop((left, top, left + wide, top + high))


def normalise(image: Image.Image, spec: PreprocessSpec) -> Tensor:
    """`(scale(x) - mean) / std` by a table: a byte has 256 values, so the exact expression is worked out once for each."""
    pixels = np.asarray(image)
    table = _table(spec)
    return np.stack([np.take(table[channel], pixels[..., channel]) for channel in range(3)])


@lru_cache(maxsize=32)
def _table(spec: PreprocessSpec) -> Tensor:
    """3 x 256, float32 throughout, as torch computes it: `div` or `mul` by a float32, `sub` mean, `div` std."""
    byte = np.arange(256, dtype=np.float32)
    one, top = np.float32(1), np.float32(255)
    scaled = byte / top if spec.scale == "x/255" else byte * (one / top)
    mean, std = (np.array(values, np.float32)[:, None] for values in (spec.mean, spec.std))
    return (scaled[None, :] - mean) / std


def _said(fault: BaseException) -> str:
    if isinstance(fault, UnidentifiedImageError):
        return f"it is none of {', '.join(FORMATS)}"
    words: Any = fault.strerror if isinstance(fault, OSError) and fault.strerror else fault
    return str(words) or type(fault).__name__
