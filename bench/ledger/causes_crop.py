"""Known faults of cropping: where the piece is cut out, and what is done instead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Literal, cast

import numpy as np

from bench.ledger.case import Case, Guess
from bench.ledger.causes_decode import moved_about
from bench.ledger.pixels import Pixels, Size, centre, cropped, resized, size_of

# Places are tried on every STRIDE-th pixel of the piece, and all pixels decide among the best of them.
STRIDE, KEPT, MOST_PLACES, NEAR = 7, 3, 2048, 6


def crop(case: Case) -> Iterator[Guess]:
    """What else might have been cut out of the resized image."""
    before, cut = case.reference["resize"], size_of(case.made)
    wide, high = size_of(before)
    yield Guess("not cropped", before)
    yield Guess("resized to the size, not cut out", resized(before, cut, case.spec.interpolation))
    if case.made.shape != case.expected.shape:
        yield Guess(f"{cut[0]} x {cut[1]} cut out", cropped(before, cut))
        return
    if wide >= cut[0] and high >= cut[1]:
        yield from places(case, before, cut)
    else:
        yield Guess("padded with the edge repeated, not with black", _padded(before, cut, "edge"))
        yield Guess("padded with the image mirrored, not with black", _padded(before, cut, "reflect"))
        top_left = np.zeros((max(cut[1], high), max(cut[0], wide), 3), np.uint8)
        top_left[:high, :wide] = before
        yield Guess("padded to the right and below alone", cropped(top_left, cut))
    yield from moved_about(case.expected)


def places(case: Case, before: Pixels, cut: Size) -> Iterator[Guess]:
    """The piece cut out elsewhere: rounded otherwise, in a corner, off by some pixels."""
    spare = (size_of(before)[0] - cut[0], size_of(before)[1] - cut[1])
    roundings = (("down", math.floor), ("up", math.ceil))
    for name, whole in roundings:
        yield Guess(f"half a pixel rounded {name}, not to even", cropped(before, cut, (whole(spare[0] / 2), whole(spare[1] / 2))))
    middle = centre(size_of(before), cut)
    yield Guess("cut out at the top left corner", cropped(before, cut, (0, 0)))
    yield Guess("cut out at the bottom right corner", cropped(before, cut, spare))
    for left, top in nearest_places(case.made, before, spare):
        right, down = left - middle[0], top - middle[1]
        off = [f"{abs(by)} {way}" for by, way in ((right, "right" if right > 0 else "left"), (down, "down" if down > 0 else "up")) if by]
        yield Guess(f"cut out {' and '.join(off) or '0'} of the centre (pixels)", cropped(before, (cut[0], cut[1]), (left, top)))


def nearest_places(made: Pixels, before: Pixels, spare: Size) -> list[Size]:
    """The places whose pixels come closest to what was made: those about the centre, and an even choice of all others."""
    every = max(1, math.ceil((spare[0] + 1) * (spare[1] + 1) / MOST_PLACES))
    tried = {divmod(number, spare[1] + 1) for number in range(0, (spare[0] + 1) * (spare[1] + 1), every)}
    about = [range(max(half // 2 - NEAR, 0), min(half // 2 + NEAR, half) + 1) for half in spare]
    sample = made[::STRIDE, ::STRIDE].astype(np.int32)
    high, wide = made.shape[:2]
    found = []
    for left, top in tried.union(product(*about)):
        there = before[top : top + high : STRIDE, left : left + wide : STRIDE]
        found.append((int(np.sum((sample - there) ** 2)), (left, top)))
    return [place for _, place in sorted(found)[:KEPT]]


def _padded(before: Pixels, cut: Size, mode: Literal["edge", "reflect", "symmetric"]) -> Pixels:
    wide, high = (max(want - have, 0) for want, have in zip(cut, size_of(before), strict=True))
    padding = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2), (0, 0))
    if mode == "reflect" and (before.shape[0] <= high or before.shape[1] <= wide):
        mode = "symmetric"  # what there is is too small to be mirrored without its edge
    padded: Pixels = np.pad(before, padding, mode)
    return cast(Pixels, cropped(padded, cut))
