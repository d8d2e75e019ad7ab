"""One butterfly in one pose, as paint and mask."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from train.data.wings_shapes import Band, Colour, Points, Species, Wing, along, circle, outline, stripe

SUPERSAMPLE = 2
REACH = 1.32  # half of the tile's side, in lengths of a fore wing
SHADES = 6  # colour steps from the edge of a wing to its root


@dataclass(frozen=True)
class Pose:
    """How this one sits, and how it differs from its kind. Angles in radians, scales as factors."""

    length_px: float
    turn: float
    left: float
    right: float
    fore_swing: float
    hind_swing: float
    tint: tuple[float, float, float]
    mark_scale: float


def pose(random: Random, length_px: float) -> Pose:
    """A random pose: turned, wings more or less open, one side further away than the other."""
    opening = random.uniform(0.62, 1.0)
    tilt = random.uniform(0.72, 1.0)
    near, far = opening, opening * tilt
    left, right = (near, far) if random.random() < 0.5 else (far, near)
    light = random.uniform(0.84, 1.14)
    tint = (light * random.uniform(0.93, 1.07), light * random.uniform(0.93, 1.07), light * random.uniform(0.93, 1.07))
    return Pose(
        length_px=length_px,
        turn=random.uniform(-1.0, 1.0),
        left=left,
        right=right,
        fore_swing=random.uniform(-0.16, 0.2),
        hind_swing=random.uniform(-0.12, 0.16),
        tint=tint,
        mark_scale=random.uniform(0.85, 1.2),
    )


@dataclass(frozen=True)
class Painted:
    """A butterfly cut out: RGB paint, an L mask of where it is, and its left upper corner seen from its thorax, in pixels."""

    image: Image.Image
    mask: Image.Image
    corner: tuple[int, int]


def paint(species: Species, pose: Pose) -> Painted:
    """The butterfly in that pose."""
    side = 2 * SUPERSAMPLE * math.ceil(REACH * pose.length_px)
    brush = _Brush(side, species.ink, pose)
    for swing, wing in ((pose.hind_swing, species.hind), (pose.fore_swing, species.fore)):
        for mirror in (-pose.left, pose.right):
            brush.move(swing, mirror)
            _paint_wing(brush, wing, species.ink)
    brush.move(0.0, 1.0)
    _paint_body(brush, species.ink)
    return brush.cut()


class _Brush:
    """Draws shapes given in wing lengths, moved to where one wing is."""

    def __init__(self, side: int, ink: Colour, pose: Pose) -> None:
        # Filled with ink, not black: at the rim a reduced pixel mixes with what lies outside.
        self.image = Image.new("RGB", (side, side), ink)
        self.mask = Image.new("L", (side, side))
        self._paint, self._cover = ImageDraw.Draw(self.image), ImageDraw.Draw(self.mask)
        self.pose, self._centre = pose, side / 2
        self._matrix = np.eye(2)

    def move(self, swing: float, mirror: float) -> None:
        """Put all that follows on the wing swung by that angle; `mirror` is its openness, negative on the left."""
        turned = _rotation(self.pose.turn) @ np.diag([mirror, 1.0]) @ _rotation(-swing)
        self._matrix = turned.T * (self.pose.length_px * SUPERSAMPLE)

    def fill(self, points: Points, colour: Colour, *, body: bool = False) -> None:
        """A filled polygon; `body`: the butterfly is there, so that it hides the background."""
        flat = self._flat(points)
        self._paint.polygon(flat, fill=self._tinted(colour))
        if body:
            self._cover.polygon(flat, fill=255)

    def line(self, points: Points, colour: Colour, width: float, *, body: bool = False) -> None:
        """A line `width` wing lengths wide."""
        flat = self._flat(points)
        pixels = max(1, round(width * self.pose.length_px * SUPERSAMPLE))
        self._paint.line(flat, fill=self._tinted(colour), width=pixels)
        if body:
            self._cover.line(flat, fill=255, width=pixels)

    def cut(self) -> Painted:
        """What was painted, in pixels of the picture: no more of the tile than is covered."""
        left, top, right, bottom = (edge // SUPERSAMPLE for edge in self.mask.getbbox() or (0, 0, 0, 0))
        box = (left * SUPERSAMPLE, top * SUPERSAMPLE, (right + 1) * SUPERSAMPLE, (bottom + 1) * SUPERSAMPLE)
        middle = round(self._centre) // SUPERSAMPLE
        return Painted(self.image.crop(box).reduce(SUPERSAMPLE), self.mask.crop(box).reduce(SUPERSAMPLE), (left - middle, top - middle))

    def _flat(self, points: Points) -> list[float]:
        flat: list[float] = (points @ self._matrix + self._centre).ravel().tolist()
        return flat

    def _tinted(self, colour: Colour) -> Colour:
        red, green, blue = (min(255, round(value * factor)) for value, factor in zip(colour, self.pose.tint, strict=True))
        return red, green, blue


def _paint_wing(brush: _Brush, wing: Wing, ink: Colour) -> None:
    curve = outline(wing.corners, wing.scallop)
    if wing.tail:
        brush.fill(outline(wing.tail), ink, body=True)
    brush.fill(curve, wing.edge, body=True)
    for step in range(1, SHADES):
        brush.fill(curve * (1 - step / SHADES), _mix(wing.edge, wing.root, step / (SHADES - 1)))
    for vein in range(wing.veins):
        corner = 1.7 + 3.8 * vein / max(1, wing.veins - 1)
        brush.line(np.stack([along(wing, corner, 0.12), along(wing, corner, 1.0)]), ink, 0.014)
    for mark in wing.marks:
        if isinstance(mark, Band):
            brush.fill(stripe(wing, mark), mark.colour)
            continue
        for number in range(mark.count):
            share = number / max(1, mark.count - 1)
            corner, depth = (first + (last - first) * share for first, last in zip(mark.first, mark.last, strict=True))
            for radius, colour in mark.rings:
                brush.fill(circle(along(wing, corner, depth), radius * brush.pose.mark_scale), colour)
    brush.line(np.concatenate([curve, curve[:1]]), ink, 0.028)


def _paint_body(brush: _Brush, ink: Colour) -> None:
    for side in (-1, 1):
        feeler = np.array([(0.02, -0.2), (0.1, -0.4), (0.2, -0.56)]) * (side, 1)
        brush.line(feeler, ink, 0.018, body=True)
        brush.fill(circle(feeler[-1], 0.024), ink, body=True)
    brush.fill(circle(np.zeros(2), 1.0) * (0.05, 0.3) + (0, 0.22), ink, body=True)
    brush.fill(circle(np.zeros(2), 1.0) * (0.07, 0.15) + (0, -0.04), ink, body=True)
    brush.fill(circle(np.array([0, -0.2]), 0.055), ink, body=True)
    pale = _mix(ink, (255, 240, 210), 0.3)
    for ring in range(5):
        half = 0.036 - 0.004 * ring
        height = 0.14 + 0.07 * ring
        brush.line(np.array([(-half, height), (half, height)]), pale, 0.016)
    brush.line(np.array([(0, -0.14), (0, 0.06)]), pale, 0.03)


def _rotation(angle: float) -> Points:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([(cosine, -sine), (sine, cosine)])


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
