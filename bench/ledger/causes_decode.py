"""Known faults of decoding and of turning: channels, orientation, chroma, alpha, reduced size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from itertools import permutations

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import get_sampling

from bench.ledger.case import Case, Guess
from bench.ledger.pixels import TURNS, Pixels, to_bytes, turned

# Pillow's number for chroma at half the width and height.
TWO_BY_TWO = 2
# Pillow's default, and what cameras and web services use; rows that a matrix is fitted on.
QUALITIES, ROWS = (75, 85, 90, 95), 200
CHANNELS = [order for order in permutations(range(3)) if order != (0, 1, 2)]


def decode(case: Case) -> Iterator[Guess]:
    """What else a decoder might have made of the file."""
    pixels: Pixels = case.reference["decode"]
    if case.orientation not in (None, 1):
        yield Guess("turned by the file's EXIF orientation", turned(pixels, case.orientation or 1))
    yield from moved_about(pixels)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    yield Guess("colours lost: grey", np.repeat(grey[..., None], 3, axis=2))
    for whole in (True, False):
        yield Guess("chroma kept at half the resolution", poor_chroma(pixels, whole=whole))
    for quality in QUALITIES:
        yield Guess(f"saved as JPEG once more, at quality {quality}", compressed(pixels, quality))
    if case.made.shape == pixels.shape:
        yield Guess("colours changed by a matrix", mixed(pixels, case.made), fitted=3)
    yield from of_the_file(case)


def poor_chroma(pixels: Pixels, *, whole: bool) -> Pixels:
    """Blue and red differences averaged over 2 x 2 `whole` pixels, or over half as many areas as there are pixels."""
    light, *chroma = Image.fromarray(pixels).convert("YCbCr").split()
    half = ((light.width + 1) // 2, (light.height + 1) // 2)
    coarse = [band.reduce(2) if whole else band.resize(half, Image.Resampling.BOX) for band in chroma]
    made = Image.merge("YCbCr", (light, *(band.resize(light.size, Image.Resampling.NEAREST) for band in coarse)))
    return np.asarray(made.convert("RGB"))


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """Through Pillow's JPEG."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)


def mixed(pixels: Pixels, made: Pixels) -> Pixels:
    """Each colour a sum of all three and a constant, by least squares on some of the pixels."""
    step = max(1, len(pixels) // ROWS)
    given, wanted = (array[::step].reshape(-1, 3).astype(np.float64) for array in (pixels, made))
    known = np.column_stack([given, np.ones(len(given))])
    rule = np.linalg.lstsq(known.T @ known, known.T @ wanted, rcond=None)[0]
    return to_bytes(pixels.astype(np.float32) @ rule[:3].astype(np.float32) + rule[3].astype(np.float32))


def of_the_file(case: Case) -> Iterator[Guess]:
    """Guesses that read the file again; none where this process cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the reference has decoded it: what Pillow warns of is known
        try:
            with Image.open(case.path) as image:
                yield from jpeg(case) if image.format == "JPEG" else transparent(image)
        except UnidentifiedImageError:
            return  # runners may read more formats than Pillow does


def orient(case: Case) -> Iterator[Guess]:
    """What else may become of the decoded image when it is turned."""
    pixels: Pixels = case.reference["decode"]
    yield Guess("not turned by the file's EXIF orientation", pixels)
    if case.orientation not in (None, 1):
        yield Guess("turned by the file's EXIF orientation", turned(pixels, case.orientation or 1))
        yield Guess("turned by the file's EXIF orientation twice", turned(turned(pixels, case.orientation or 1), case.orientation or 1))
    yield from moved_about(pixels)


def moved_about(pixels: Pixels) -> Iterator[Guess]:
    """Channels in another order, and the seven ways to turn or mirror."""
    for order in CHANNELS:
        yield Guess(f"channel order {''.join('RGB'[at] for at in order)} instead of RGB", pixels[..., order])
    for orientation, name in TURNS.items():
        yield Guess(name, turned(pixels, orientation))


def jpeg(case: Case) -> Iterator[Guess]:
    """Ways in which JPEG decoders differ, or are told to."""
    stored = _read(case, "YCbCr", 1)
    if stored is not None:
        yield Guess("YCbCr taken for RGB", stored)
        # At half the size libjpeg leaves 2 x 2 chroma as it is stored: neither scaled nor interpolated.
        halved = _read(case, "YCbCr", 2)
        if halved is not None and _subsampled(case):
            chroma = halved[..., 1:].repeat(2, axis=0).repeat(2, axis=1)[: len(stored), : stored.shape[1]]
            yield Guess("chroma repeated, not interpolated (fast upsampling)", _to_rgb(np.concatenate([stored[..., :1], chroma], axis=2)))
    for step in (2, 4, 8):
        reduced = _read(case, "RGB", step)
        if reduced is not None:
            yield Guess(f"decoded at 1/{step} of its size", reduced)


def _read(case: Case, mode: str, step: int) -> Pixels | None:
    """The file decoded in this mode at 1/step of its size by libjpeg's own scaling, or None where it cannot be."""
    with Image.open(case.path) as image:
        image.draft(mode, (max(image.width // step, 1), max(image.height // step, 1)))
        return np.asarray(image) if image.mode == mode else None


def _subsampled(case: Case) -> bool:
    with Image.open(case.path) as image:
        return get_sampling(image) == TWO_BY_TWO


def _to_rgb(stored: Pixels) -> Pixels:
    """YCbCr to RGB in libjpeg's own integers (source: jdcolor.c): Pillow's differ by one here and there."""
    light, blue, red = (stored[..., band].astype(np.int32) for band in range(3))
    blue, red = blue - 128, red - 128
    half = 1 << 15
    bands = (
        light + ((91881 * red + half) >> 16),
        light + ((-22554 * blue - 46802 * red + half) >> 16),
        light + ((116130 * blue + half) >> 16),
    )
    return np.asarray(np.clip(np.stack(bands, axis=-1), 0, 255).astype(np.uint8))


def transparent(image: Image.Image) -> Iterator[Guess]:
    """Alpha blended over a colour, where the reference drops it."""
    if not image.has_transparency_data:
        return
    layer = image.convert("RGBA")
    for name, colour in (("white", (255, 255, 255, 255)), ("black", (0, 0, 0, 255))):
        made = Image.alpha_composite(Image.new("RGBA", layer.size, colour), layer)
        yield Guess(f"alpha blended over {name}", np.asarray(made.convert("RGB")))
