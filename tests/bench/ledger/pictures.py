"""Pictures with edges, gradients, texture and lettering, drawn from a seed, and what the reference makes of them stage by stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from contract.preprocess import CenterCrop, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 232), CenterCrop("center", 224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SIZES = ((500, 375), (301, 402), (448, 299))


def draw(seed: int, size: tuple[int, int]) -> Image.Image:
    random = np.random.default_rng(seed)
    wide, high = size
    x, y = np.meshgrid(np.linspace(0, 1, wide), np.linspace(0, 1, high))
    slopes = random.uniform(-90, 90, (3, 2))
    sky = np.stack([130 + slope[0] * x + slope[1] * y for slope in slopes], axis=-1)
    grass = random.normal(0, 14, (high, wide, 1)) * (y > 0.6)[..., None] + random.normal(0, 3, (high, wide, 3))
    image = Image.fromarray(np.clip(sky + grass, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        left, top = random.integers(0, wide), random.integers(0, high)
        box = (left, top, left + random.integers(6, 90), top + random.integers(6, 90))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        (pen.ellipse if random.random() < 0.5 else pen.rectangle)(box, fill=colour, outline=(0, 0, 0))
    for _ in range(12):
        pen.text((int(random.integers(0, wide)), int(random.integers(0, high))), "CONCORD 0123", fill=(255, 255, 255))
        ends = [int(value) for value in random.integers(0, min(size), 4)]
        pen.line(ends, fill=(20, 20, 20), width=2)
    return image


def files(folder: Path, orientation: int | None = None) -> list[Path]:
    """JPEG files at 4:2:0, as cameras and phones write them."""
    paths = []
    for seed, size in enumerate(SIZES):
        paths.append(folder / f"{seed}.jpg")
        exif = Image.Exif()
        if orientation is not None:
            exif[0x0112] = orientation
        draw(seed, size).save(paths[-1], quality=88, subsampling=2, exif=exif)
    return paths


def reference(path: Path) -> dict[str, np.ndarray]:
    """The stages by SPEC, with Pillow and numpy alone."""
    with Image.open(path) as image:
        decoded = image.convert("RGB")
    resized = decoded.resize(SPEC.resized(*decoded.size), Image.Resampling.BILINEAR)
    left, top = round((resized.width - 224) / 2), round((resized.height - 224) / 2)
    cropped = resized.crop((left, top, left + 224, top + 224))
    pixels = np.asarray(decoded)
    return {"decode": pixels, "orient": pixels, "resize": np.asarray(resized), "crop": np.asarray(cropped), "normalise": tensor(cropped)}


def tensor(pixels: object, mean: tuple[float, ...] = SPEC.mean, std: tuple[float, ...] = SPEC.std, divisor: float = 255.0) -> np.ndarray:
    scaled = np.asarray(pixels).astype(np.float32) / np.float32(divisor)
    return ((scaled - np.array(mean, np.float32)) / np.array(std, np.float32)).transpose(2, 0, 1).copy()


def worn(pixels: np.ndarray, quality: int = 85) -> np.ndarray:
    """The picture saved as JPEG once more: noise that no fault explains."""
    from io import BytesIO

    kept = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(kept, "JPEG", quality=quality)
    return np.asarray(Image.open(kept))
