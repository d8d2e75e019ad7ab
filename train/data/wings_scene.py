"""What is behind a drawn butterfly: foliage, sky, meadow, bark; and the leaf or flower that it sits on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from train.data.wings_shapes import Colour

Pen: TypeAlias = ImageDraw.ImageDraw
Blob: TypeAlias = Callable[[Random, Pen, float, float, float, Colour], None]

FAR = 4  # the distance is drawn that many times smaller: out of focus, and cheap
NEAR = 2


def _disc(random: Random, pen: Pen, x: float, y: float, radius: float, colour: Colour) -> None:
    wide, high = radius * random.uniform(0.7, 1.2), radius * random.uniform(0.7, 1.2)
    pen.ellipse((x - wide, y - high, x + wide, y + high), fill=colour)


def _cloud(random: Random, pen: Pen, x: float, y: float, radius: float, colour: Colour) -> None:
    for step in range(4):
        _disc(random, pen, x + (step - 1.5) * radius * 0.6, y + random.uniform(-0.2, 0.2) * radius, radius * 0.5, colour)


def _leaf(random: Random, pen: Pen, x: float, y: float, radius: float, colour: Colour) -> None:
    angle, plump = random.uniform(0, math.tau), random.uniform(0.22, 0.42)
    cosine, sine = math.cos(angle), math.sin(angle)
    shape = []
    for step in range(24):
        turn = math.tau * step / 24
        # A circle squeezed to two points: a leaf.
        ahead, aside = math.cos(turn) * radius * 1.4, math.sin(turn) ** 3 * radius * 1.4 * plump
        shape.append((x + ahead * cosine - aside * sine, y + ahead * sine + aside * cosine))
    pen.polygon(shape, fill=colour)
    pen.line((shape[0], shape[12]), fill=_shade(colour, 0.8), width=max(1, round(radius * 0.05)))


def _flower(random: Random, pen: Pen, x: float, y: float, radius: float, colour: Colour) -> None:
    petals, start = random.randint(6, 11), random.uniform(0, math.tau)
    for petal in range(petals):
        angle = start + math.tau * petal / petals
        outer = _shade(colour, random.uniform(0.86, 1.08))
        # A dark rim keeps neighbours apart, a dark throat gives depth.
        for share, shade in ((1.0, 0.8), (0.94, 1.0), (0.5, 0.84)):
            pen.polygon(_petal(x, y, radius * share, angle, 3.2 / petals), fill=_shade(outer, shade))
    _disc(random, pen, x, y, radius * 0.24, (214, 168, 40))
    _disc(random, pen, x, y, radius * 0.12, (150, 98, 30))


def _petal(x: float, y: float, radius: float, angle: float, half: float) -> list[tuple[float, float]]:
    side = ((0.5, 0.8), (0.7, 1.0), (0.86, 0.9), (0.96, 0.6), (1.0, 0.2))
    rim = [(0.1, 0.0), *((far, -aside) for far, aside in side), *reversed(side)]
    return [(x + radius * far * math.cos(angle + half * aside), y + radius * far * math.sin(angle + half * aside)) for far, aside in rim]


@dataclass(frozen=True)
class Scene:
    """A kind of background: colours from top to bottom, what is scattered over it, what the butterfly sits on."""

    top: Colour
    bottom: Colour
    blob: Blob
    colours: tuple[Colour, ...]
    most: int
    perch: Blob | None


_GREENS: tuple[Colour, ...] = ((70, 120, 44), (104, 150, 60), (44, 88, 40), (140, 172, 84))
_PETALS: tuple[Colour, ...] = ((206, 84, 150), (240, 236, 240), (226, 90, 60), (134, 92, 186), (240, 196, 66), (110, 130, 214))
_WOOD: tuple[Colour, ...] = ((126, 98, 70), (92, 70, 52), (160, 134, 104))

SCENES: tuple[Scene, ...] = (
    Scene((96, 140, 70), (40, 74, 36), _leaf, _GREENS, 18, _leaf),
    Scene((52, 84, 44), (22, 42, 26), _disc, _GREENS, 10, _leaf),
    Scene((120, 172, 226), (206, 224, 236), _cloud, ((240, 244, 248), (226, 234, 244)), 6, None),
    Scene((168, 192, 120), (78, 118, 52), _flower, _PETALS, 12, _flower),
    Scene((196, 210, 190), (120, 150, 90), _flower, _PETALS, 5, _flower),
    Scene((170, 148, 120), (98, 78, 60), _disc, _WOOD, 14, None),
    Scene((226, 196, 150), (150, 110, 84), _disc, ((240, 214, 170), (206, 150, 110), (120, 120, 76)), 9, _leaf),
    Scene((190, 186, 204), (120, 112, 140), _flower, _PETALS, 8, _flower),
)


def background(random: Random, size: tuple[int, int], seat: tuple[float, float], length_px: float) -> Image.Image:
    """A scene of that size; `seat` is where the butterfly will be, as shares of width and height."""
    scene = random.choice(SCENES)
    image = _distance(random, scene, (-(-size[0] // FAR), -(-size[1] // FAR)))
    image = image.resize((-(-size[0] // NEAR), -(-size[1] // NEAR)), Image.Resampling.BILINEAR)
    if scene.perch is not None and random.random() < 0.75:
        colours = _GREENS if scene.perch is _leaf else _PETALS
        x, y = (share * side + random.uniform(-0.3, 0.3) * length_px / NEAR for share, side in zip(seat, image.size, strict=True))
        pen = ImageDraw.Draw(image)
        scene.perch(
            random, pen, x, y, random.uniform(0.6, 1.1) * length_px / NEAR, _shade(random.choice(colours), random.uniform(0.8, 1.15))
        )
        image = image.filter(ImageFilter.BoxBlur(random.uniform(0.4, 1.2)))
    return image.resize(size, Image.Resampling.BILINEAR)


def _distance(random: Random, scene: Scene, size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", (1, 2), scene.top)
    image.putpixel((0, 1), scene.bottom)
    image = image.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(random.randint(scene.most // 2, scene.most)):
        x, y = random.uniform(0, size[0]), random.uniform(0, size[1])
        scene.blob(
            random, pen, x, y, random.uniform(0.06, 0.22) * max(size), _shade(random.choice(scene.colours), random.uniform(0.75, 1.15))
        )
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.6, 3.0)))
    for cell_px, strength in ((24, 60), (7, 24)):
        image = ImageChops.add(image, mottle(random, size, cell_px=cell_px, strength=strength), 1, -strength // 2)
    return image


def mottle(random: Random, size: tuple[int, int], *, cell_px: int, strength: int) -> Image.Image:
    """Grey noise from 0 to `strength` in soft cells of that many pixels, each of its own value."""
    cells = size if cell_px == 1 else (size[0] // cell_px + 2, size[1] // cell_px + 2)
    # Random.randbytes and not numpy's generator, whose streams may change from one version to the next.
    noise = Image.frombytes("L", cells, random.randbytes(cells[0] * cells[1]))
    grey = noise.point([value * strength // 255 for value in range(256)]).resize(size, Image.Resampling.BILINEAR)
    return Image.merge("RGB", (grey, grey, grey))


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue
