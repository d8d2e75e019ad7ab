"""Known faults of resizing: filter, antialias, grid, size, order, rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from PIL import Image

from bench.ledger.case import Case, Guess
from bench.ledger.causes_decode import moved_about
from bench.ledger.pixels import FILTERS, Grid, Pixels, Size, averaged, cropped, resized, sampled, shifted, size_of, to_bytes, unrounded
from contract.preprocess import Shorter

POINTWISE: tuple[tuple[str, Grid, str], ...] = (
    ("bilinear", "half-pixel", "no antialias"),
    ("bicubic", "half-pixel", "no antialias"),
    ("nearest", "asymmetric", "nearest pixel, no half-pixel centre"),
    ("bilinear", "asymmetric", "no antialias, no half-pixel centre"),
    ("bilinear", "align-corners", "no antialias, corners aligned"),
    ("bicubic", "align-corners", "no antialias, corners aligned"),
)


def resize(case: Case) -> Iterator[Guess]:
    """What else resizing might have made."""
    before, size = case.reference["orient"], size_of(case.made)
    if size != size_of(case.expected):
        yield from other_sizes(case, before, size)
        return
    own = case.spec.interpolation
    yield Guess("not resized", before)
    yield from other_filters(before, size, own, "")
    floating = unrounded(before, size, own)
    yield Guess("rounded once, not after each pass", to_bytes(floating))
    yield Guess("cut off to whole numbers, not rounded", np.clip(floating, 0, 255).astype(np.uint8))
    across = resized(before.transpose(1, 0, 2), (size[1], size[0]), own).transpose(1, 0, 2)
    yield Guess("vertical pass before the horizontal one", across)
    reduced = Image.fromarray(before).resize(size, FILTERS[own], reducing_gap=1.0)
    yield Guess("reduced by whole steps first", np.asarray(reduced))
    yield from moved_about(case.expected)
    yield from shifts(case.expected)


def other_filters(before: Pixels, size: Size, own: str, prefix: str) -> Iterator[Guess]:
    """The same size by another filter, with Pillow's antialias and without."""
    for filter_name in FILTERS:
        if filter_name != own:
            yield Guess(f"{prefix}filter {filter_name} instead of {own}", resized(before, size, filter_name))
    yield Guess(f"{prefix}averaged over areas instead of {own}", averaged(before, size, whole=False))
    yield Guess(f"{prefix}averaged over areas of whole pixels instead of {own}", averaged(before, size, whole=True))
    for filter_name, grid, words in POINTWISE:
        other = "" if filter_name in (own, "nearest") else f", {filter_name} instead of {own}"
        yield Guess(f"{prefix}{words}{other}", sampled(before, size, filter_name, grid))


def shifts(pixels: Pixels) -> Iterator[Guess]:
    """Moved by one pixel."""
    for right in (-1, 0, 1):
        for down in (-1, 0, 1):
            if (right, down) != (0, 0):
                yield Guess(f"moved by a pixel: {_ways(right, down)}", shifted(pixels, right, down))


def _ways(right: int, down: int) -> str:
    ways = [("left", "", "right")[right + 1], ("up", "", "down")[down + 1]]
    return " and ".join(way for way in ways if way)


def other_sizes(case: Case, before: Pixels, size: Size) -> Iterator[Guess]:
    """Another target size: its name is what is seen, the fit says that this is all, and by which filter."""
    own = case.spec.interpolation
    for name, source in sources(case, before, size):
        yield Guess(name, resized(source, size, own))
        yield from other_filters(source, size, own, f"{name}, ")
    if size == size_of(before):
        yield Guess("not resized", before)
    for grey in (0, 114, 128):
        yield Guess(f"fitted into {size[0]} x {size[1]} with bars of grey {grey}", letterboxed(before, size, own, grey))


def sources(case: Case, before: Pixels, size: Size) -> Iterator[tuple[str, Pixels]]:
    """A name for the size, and what was resized to it: the whole image, or its centre."""
    wide, high = size_of(before)
    expected = size_of(case.expected)
    short = min(size)
    if abs(size[0] * high - size[1] * wide) <= max(wide, high):  # the same proportions, to a pixel
        if short == min(expected):
            yield "longer side rounded otherwise", before
        elif isinstance(case.spec.resize, Shorter):
            yield f"shorter side {short} instead of {case.spec.resize.size}", before
        else:
            yield f"{size[0]} x {size[1]} instead of {expected[0]} x {expected[1]}", before
        if size != (wide, high) and min(expected) == max(size):
            yield "the longer side resized, not the shorter one", before
        return
    yield f"squashed to {size[0]} x {size[1]}, proportions lost", before
    side = min(wide, high)
    yield f"centre square cut out before resizing to {size[0]} x {size[1]}", cast(Pixels, cropped(before, (side, side)))
    if case.spec.crop is not None:
        cut = (case.spec.crop.width, case.spec.crop.height)
        if size == cut:
            yield "centre cut out of the image as it came, not resized before", cast(Pixels, cropped(before, cut))


def letterboxed(before: Pixels, size: Size, own: str, grey: int) -> Pixels:
    """The whole image inside the size, with bars."""
    wide, high = size_of(before)
    factor = min(size[0] / wide, size[1] / high)
    inner = (max(round(wide * factor), 1), max(round(high * factor), 1))
    made = np.full((size[1], size[0], 3), grey, np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    made[top : top + inner[1], left : left + inner[0]] = resized(before, inner, own)
    return made
