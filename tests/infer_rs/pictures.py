"""Images of many kinds, written by Pillow: name -> file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = [(61, 43), (97, 131), (224, 224), (43, 61), (300, 200), (31, 300), (1, 1), (500, 17)]
JPEGS = {
    "420": ("RGB", {"subsampling": "4:2:0"}),
    "422": ("RGB", {"subsampling": "4:2:2"}),
    "444": ("RGB", {"subsampling": "4:4:4", "quality": 95}),
    "grey": ("L", {}),
    "progressive": ("RGB", {"progressive": True}),
    "cmyk": ("CMYK", {}),
    "restarts": ("RGB", {"restart_marker_blocks": 3}),
}
PNGS = ["RGB", "RGBA", "L", "LA", "P", "1"]


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Waves, edges, a ramp and noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [128 + 100 * np.sin(x / 7 + y / 11 + seed), 255.0 * ((x // 9 + y // 5 + seed) % 2), 255 * x / width]
    grain = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(np.stack(planes, -1) + grain, 0, 255).astype(np.uint8))


def painted_again(size: tuple[int, int], times: int) -> bytes:
    """A progressive JPEG file whose last scan is there so many times more; libjpeg goes over all pixels each time."""
    file = BytesIO()
    Image.new("RGB", size, (90, 160, 40)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    return whole[:-2] + times * whole[whole.rindex(b"\xff\xda") : -2] + whole[-2:]


def draw(folder: Path) -> list[Path]:
    """Every kind in the first sizes, one kind of each format in the others."""
    made = []
    for seed, (width, height) in enumerate(SIZES):
        picture = photo(width, height, seed)
        kinds = (list(JPEGS), PNGS) if seed < 2 else (["420"], ["RGB"])
        for name in kinds[0]:
            mode, options = JPEGS[name]
            made.append(folder / f"{name}-{width}x{height}.jpg")
            picture.convert(mode).save(made[-1], **options)
        for mode in kinds[1]:
            made.append(folder / f"{mode}-{width}x{height}.png")
            image = picture.convert("RGB").convert(mode) if mode != "RGBA" else picture.copy()
            if mode in {"RGBA", "LA"}:
                image = image.convert(mode)
                image.putalpha(picture.convert("L"))
            image.save(made[-1])
    return made
