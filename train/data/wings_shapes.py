"""What a drawn butterfly is made of: wing outlines, and marks placed along them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]
Colour: TypeAlias = tuple[int, int, int]
Corners: TypeAlias = tuple[tuple[float, float], ...]

STEPS = 12  # samples between two corners of an outline

# Eight corners each, from the root at (0, 0) along the leading edge: 3 is the apex, 3-5 the outer margin, 5-7 the trailing edge. y grows
# downwards, a fore wing is about 1 long. Marks count along corners, so that a species may change its shape and keep its pattern.
BROAD: Corners = ((0, -0.06), (0.38, -0.52), (0.78, -0.82), (1.0, -0.8), (0.98, -0.45), (0.86, -0.06), (0.45, 0.06), (0.02, 0.1))
OVAL: Corners = ((0, -0.06), (0.34, -0.5), (0.66, -0.74), (0.88, -0.66), (0.95, -0.37), (0.83, -0.06), (0.44, 0.08), (0.02, 0.1))
LONG: Corners = ((0, -0.05), (0.45, -0.36), (0.88, -0.58), (1.18, -0.6), (1.1, -0.36), (0.82, -0.1), (0.42, 0.02), (0.02, 0.08))
HOOKED: Corners = ((0, -0.06), (0.36, -0.6), (0.76, -0.86), (1.1, -0.76), (0.84, -0.46), (0.9, -0.06), (0.46, 0.08), (0.02, 0.1))
SAIL: Corners = ((0, -0.05), (0.34, -0.5), (0.74, -0.88), (1.04, -0.96), (0.92, -0.52), (0.78, -0.1), (0.42, 0.02), (0.02, 0.08))

DISC: Corners = ((0, 0), (0.4, -0.06), (0.74, 0.06), (0.84, 0.34), (0.7, 0.64), (0.42, 0.78), (0.16, 0.56), (0.02, 0.2))
FAN: Corners = ((0, 0), (0.42, -0.08), (0.82, 0.06), (0.9, 0.42), (0.66, 0.76), (0.34, 0.86), (0.12, 0.6), (0.02, 0.2))
DROP: Corners = ((0, 0), (0.36, -0.04), (0.64, 0.12), (0.68, 0.42), (0.54, 0.72), (0.26, 0.86), (0.08, 0.6), (0.02, 0.2))
SMALL: Corners = ((0, 0), (0.36, -0.06), (0.66, 0.0), (0.78, 0.2), (0.66, 0.44), (0.38, 0.54), (0.14, 0.44), (0.02, 0.18))
ANGLED: Corners = ((0, 0), (0.4, -0.04), (0.74, 0.08), (0.74, 0.34), (0.92, 0.66), (0.46, 0.7), (0.16, 0.56), (0.02, 0.2))

SPOON: Corners = ((0.36, 0.7), (0.43, 0.9), (0.43, 1.08), (0.52, 1.17), (0.6, 1.08), (0.53, 0.9), (0.52, 0.66))
SWORD: Corners = ((0.2, 0.72), (0.27, 0.95), (0.36, 1.3), (0.39, 0.95), (0.42, 0.72))


@dataclass(frozen=True)
class Band:
    """A stripe between corners `start` and `stop`, from `inner` to `outer` as shares of the way from the root to the edge."""

    start: float
    stop: float
    inner: float
    outer: float
    colour: Colour


@dataclass(frozen=True)
class Spots:
    """`count` spots from (corner, share) `first` to `last`; rings of (radius, colour) from the outermost inwards make an eye."""

    first: tuple[float, float]
    last: tuple[float, float]
    count: int
    rings: tuple[tuple[float, Colour], ...]


Mark: TypeAlias = Band | Spots


@dataclass(frozen=True)
class Wing:
    """One wing: its outline, the colours at its edge and its root, what is drawn on it."""

    corners: Corners
    edge: Colour
    root: Colour
    marks: tuple[Mark, ...]
    veins: int = 0
    scallop: float = 0.0
    tail: Corners = ()


@dataclass(frozen=True)
class Species:
    """A kind of butterfly; `ink` is the colour of its body, veins and outline."""

    name: str
    fore: Wing
    hind: Wing
    ink: Colour


@cache
def outline(corners: Corners, scallop: float = 0.0) -> Points:
    """A smooth closed curve through the corners (Catmull-Rom), STEPS points for each; a wavy outer margin where `scallop` > 0."""
    here = np.asarray(corners, dtype=np.float64)[:, None, :]
    before, after, later = np.roll(here, 1, axis=0), np.roll(here, -1, axis=0), np.roll(here, -2, axis=0)
    t = (np.arange(STEPS) / STEPS)[None, :, None]
    curve = (
        2 * here
        + (after - before) * t
        + (2 * before - 5 * here + 4 * after - later) * t**2
        + (3 * here - before - 3 * after + later) * t**3
    ) / 2
    points = curve.reshape(-1, 2)
    if scallop:
        points = points * _waves(len(points), scallop)[:, None]
    return points


def _waves(count: int, depth: float) -> npt.NDArray[np.float64]:
    at = np.arange(count) / STEPS
    return np.where((at > 2.5) & (at < 5.5), 1 - depth * (1 - np.cos(4 * math.pi * at)) / 2, 1.0)


def along(wing: Wing, corner: float, share: float) -> Points:
    """The point at `share` of the way from the root to the outline at `corner`."""
    curve = outline(wing.corners, wing.scallop)
    point: Points = curve[round(corner * STEPS) % len(curve)] * share
    return point


def stripe(wing: Wing, band: Band) -> Points:
    """The polygon of a band."""
    curve = outline(wing.corners, wing.scallop)[round(band.start * STEPS) : round(band.stop * STEPS) + 1]
    return np.concatenate([curve * band.outer, curve[::-1] * band.inner])


def circle(centre: Points, radius: float) -> Points:
    """A circle as a polygon, so that a pose can squeeze and turn it like all else."""
    return centre + radius * _unit_circle()


@cache
def _unit_circle() -> Points:
    angles = [2 * math.pi * step / 20 for step in range(20)]
    return np.array([(math.cos(angle), math.sin(angle)) for angle in angles])
