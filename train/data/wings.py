"""`wings`: butterflies drawn by this project, written like the Kaggle butterfly set, so that a first run needs no download."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageFilter, ImageOps

from contract.machine import usable_threads
from train.data.wings_butterfly import paint, pose
from train.data.wings_scene import background, mottle
from train.data.wings_shapes import Species
from train.data.wings_species import SPECIES
from train.progress import Over


def draw(root: Path, *, species: int = 12, per_species: int = 60, seed: int = 0, over: Over[None] = iter) -> None:
    """Write root/train/Image_1.jpg … and root/Training_set.csv; `over` shows how far it is.

    Raises ValueError for numbers that cannot be drawn.
    """
    if not 1 <= species <= len(SPECIES):
        raise ValueError(f"{species} species asked for: wings has 1 to {len(SPECIES)}")
    if per_species < 1:
        raise ValueError(f"{per_species} images per species asked for: at least 1")
    folder = root / "train"
    folder.mkdir(parents=True)
    kinds = _kinds(species, per_species, seed)
    names = [f"Image_{index + 1}.jpg" for index in range(len(kinds))]
    # Pillow lets go of the interpreter while it paints; each image has random numbers of its own.
    with ThreadPoolExecutor(usable_threads()) as pool:
        randoms = (Random(f"wings {seed} {index}") for index in range(len(kinds)))
        list(over(pool.map(_draw_image, map(folder.joinpath, names), kinds, randoms)))
    with (root / "Training_set.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("filename", "label"))
        writer.writerows((name, kind.name) for name, kind in zip(names, kinds, strict=True))


def _kinds(species: int, per_species: int, seed: int) -> list[Species]:
    # Shuffled in rounds of one each: labels are mixed, and a larger set begins with the smaller one.
    kinds: list[Species] = []
    for number in range(per_species):
        kinds += Random(f"wings {seed} round {number}").sample(SPECIES[:species], species)
    return kinds


def _draw_image(path: Path, kind: Species, random: Random) -> None:
    size = _size(random)
    length_px = min(size) * random.uniform(0.34, 0.52)
    seat = (random.uniform(0.42, 0.58), random.uniform(0.42, 0.58))
    image = background(random, size, seat, length_px)
    _place(random, image, kind, seat, length_px)
    image = _light(random, image)
    image.save(path, quality=random.randint(80, 95))


def _size(random: Random) -> tuple[int, int]:
    long = random.randint(320, 640)
    short = max(240, round(long / random.choice((1.0, 1.25, 4 / 3, 1.5))))
    return (long, short) if random.random() < 0.6 else (short, long)


def _place(random: Random, image: Image.Image, kind: Species, seat: tuple[float, float], length_px: float) -> None:
    painted = paint(kind, pose(random, length_px))
    scales = mottle(random, painted.image.size, cell_px=3, strength=36)
    butterfly = ImageChops.add(painted.image, scales, 1, -18)
    left, top = (round(share * side) + corner for share, side, corner in zip(seat, image.size, painted.corner, strict=True))
    margin = round(0.12 * length_px)
    drop = round(random.uniform(0.04, 0.16) * length_px) - margin
    image.paste((12, 16, 12), (left + drop, top + drop), _shadow(painted.mask, margin, random.uniform(0.2, 0.5)))
    image.paste(butterfly, (left, top), painted.mask)


def _shadow(mask: Image.Image, margin: int, darkness: float) -> Image.Image:
    # Room around it, or the blur would end in a straight edge.
    wide = ImageOps.expand(mask, margin)
    small = wide.reduce(6).filter(ImageFilter.BoxBlur(1))
    return small.point([round(value * darkness) for value in range(256)]).resize(wide.size, Image.Resampling.BILINEAR)


def _light(random: Random, image: Image.Image) -> Image.Image:
    """Uneven light, focus, exposure, grain."""
    corners = Image.frombytes("L", (2, 2), bytes(random.randint(175, 255) for _ in range(4)))
    sun = corners.resize(image.size, Image.Resampling.BILINEAR)
    image = ImageChops.multiply(image, Image.merge("RGB", (sun, sun, sun)))
    if random.random() < 0.3:
        image = image.filter(ImageFilter.BoxBlur(random.uniform(0.3, 1.0)))
    strength = random.randint(6, 26)
    exposure = random.randint(-12, 44)
    return ImageChops.add(image, mottle(random, image.size, cell_px=1, strength=strength), 1, exposure - strength // 2)
