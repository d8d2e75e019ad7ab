"""Writes data/ beside this file: JPEG files of three sizes for the benchmark, with about the detail of photographs.

.venv/bin/python infer_rs/benches/make_images.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

FOLDER = Path(__file__).resolve().parent / "data"


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for width, height in ((224, 224), (640, 480), (1000, 667)):
        noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
        soft = [Image.fromarray(noise).filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 4, 16)]
        mixed = sum((np.asarray(image, np.float64) - 128) * gain for image, gain in zip(soft, (0.5, 2, 16), strict=True)) + 128
        Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8)).save(FOLDER / f"{width}x{height}.jpg", quality=80)


if __name__ == "__main__":
    main()
