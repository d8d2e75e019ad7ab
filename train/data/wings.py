"""`wings`: butterflies drawn by this project, written like the Kaggle butterfly set, so that a first run needs no download."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageFilter

from train.data.wings_butterfly import REACH, paint, pose
from train.data.wings_scene import background, mottle
from train.data.wings_shapes import Species
from train.data.wings_species import SPECIES


def draw(root: Path, *, species: int = 12, per_species: int = 60, seed: int = 0) -> None:
    """Write root/train/Image_1.jpg … and root/Training_set.csv. Raises ValueError for numbers that cannot be drawn."""
    if not 1 <= species <= len(SPECIES):
        raise ValueError(f"{species} species asked for: wings has 1 to {len(SPECIES)}")
    if per_species < 1:
        raise ValueError(f"{per_species} images per species asked for: at least 1")
    folder = root / "train"
    folder.mkdir(parents=True)
    rows = []
    for index, kind in enumerate(_kinds(species, per_species, seed)):
        name = f"Image_{index + 1}.jpg"
        _draw_image(folder / name, kind, Random(f"wings {seed} {index}"))
        rows.append((name, kind.name))
    with (root / "Training_set.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("filename", "label"))
        writer.writerows(rows)


def _kinds(species: int, per_species: int, seed: int) -> list[Species]:
    # Shuffled in rounds of one each: labels are mixed, and a larger set begins with the smaller one.
    kinds: list[Species] = []
    for number in range(per_species):
        kinds += Random(f"wings {seed} round {number}").sample(SPECIES[:species], species)
    return kinds


def _draw_image(path: Path, kind: Species, random: Random) -> None:
    size = _size(random)
    length_px = min(size) * random.uniform(0.33, 0.5)
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
    butterfly, mask = paint(kind, pose(random, length_px))
    scales = mottle(random, butterfly.size, cell_px=3, strength=36)
    butterfly = ImageChops.add(butterfly, scales, 1, -18)
    left, top = (round(share * side - edge / 2) for share, side, edge in zip(seat, image.size, mask.size, strict=True))
    drop = round(random.uniform(0.03, 0.12) * length_px * REACH)
    image.paste((12, 16, 12), (left + drop, top + drop), _shadow(mask, random.uniform(0.2, 0.5)))
    image.paste(butterfly, (left, top), mask)


def _shadow(mask: Image.Image, darkness: float) -> Image.Image:
    small = mask.reduce(6).filter(ImageFilter.BoxBlur(1))
    return small.point([round(value * darkness) for value in range(256)]).resize(mask.size, Image.Resampling.BILINEAR)


def _light(random: Random, image: Image.Image) -> Image.Image:
    """Uneven light, exposure and white balance, focus, grain."""
    corners = Image.new("L", (2, 2))
    corners.putdata([random.randint(170, 255) for _ in range(4)])
    sun = corners.resize(image.size, Image.Resampling.BILINEAR)
    image = ImageChops.multiply(image, Image.merge("RGB", (sun, sun, sun)))
    exposure = random.uniform(0.85, 1.4)
    table: list[int] = []
    for _ in range(3):
        factor = exposure * random.uniform(0.94, 1.06)
        table += [min(255, round(value * factor)) for value in range(256)]
    image = image.point(table).filter(ImageFilter.BoxBlur(random.uniform(0.0, 0.8)))
    grain = random.randint(6, 26)
    return ImageChops.add(image, mottle(random, image.size, cell_px=1, strength=grain), 1, -(grain // 2))
