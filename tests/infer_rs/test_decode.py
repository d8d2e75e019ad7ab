"""Decoding against Pillow: the same pixels, and the same files refused."""

from __future__ import annotations

import csv
import hashlib
import random
import warnings
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from contract.layout import CHECKOUT
from tests.infer_rs.conftest import decode_lines
from tests.infer_rs.pictures import draw

SET = CHECKOUT.parent / "shared" / "data" / "decode"
MAGIC = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
FORMATS = ("JPEG", "PNG", "MPO")


def format_of(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(8)
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)


def by_pillow(path: Path) -> str | None:
    """Sum of the RGB pixels, or None when Pillow refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as image:
                return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
        except Exception:  # noqa: BLE001 - whatever a decoder raises on a broken file is a refusal
            return None


def test_generated_images(binary: Path, tmp_path: Path) -> None:
    images = draw(tmp_path)
    for line, path in zip(decode_lines(binary, images), images, strict=True):
        assert line.get("sha256") == by_pillow(path), line


def test_the_decode_set(binary: Path) -> None:
    if not SET.is_dir():
        pytest.skip("../shared/data/decode is not here")
    with (SET / "MANIFEST.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if format_of(SET / row["path"])]
    wrong, counts = [], Counter()
    for line, row in zip(decode_lines(binary, [SET / row["path"] for row in rows]), rows, strict=True):
        wanted = row["rgb_sha256"] if row["status"] == "ok" else None
        counts[format_of(SET / row["path"]), "equal" if wanted else "both refuse"] += 1
        if line.get("sha256") != wanted:
            wrong.append((row["path"], row["status"], line))
    assert not wrong
    assert counts == {("JPEG", "equal"): 96, ("JPEG", "both refuse"): 38, ("PNG", "equal"): 414, ("PNG", "both refuse"): 10}


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_damaged_files(binary: Path, tmp_path: Path, kind: str) -> None:
    """Bits flipped, bytes inserted, taken away or cut off, with a fixed seed: both refuse, or both see the same pixels."""
    dice = random.Random(kind)
    whole = [path.read_bytes() for path in draw(tmp_path) if path.suffix == f".{kind}" and path.stat().st_size < 9000]
    damaged = []
    for number in range(300):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(8, max(9, min(len(data), dice.choice([700, 9000]))))
            match dice.randrange(4):
                case 0 if at < len(data):
                    data[at] ^= 1 << dice.randrange(8)
                case 1:
                    data[at:at] = dice.randbytes(dice.randint(1, 4))
                case 2:
                    del data[at : at + dice.randint(1, 4)]
                case _ if dice.random() < 0.3:
                    del data[at:]
        damaged.append(tmp_path / f"damaged-{number}.{kind}")
        damaged[-1].write_bytes(data)
    outcomes = Counter()
    for line, path in zip(decode_lines(binary, damaged), damaged, strict=True):
        wanted = by_pillow(path)
        assert line.get("sha256") == wanted, (path.name, line, wanted)
        outcomes[wanted is None] += 1
    assert min(outcomes[True], outcomes[False]) > 10, outcomes


def test_other_formats_are_refused_by_name(binary: Path, tmp_path: Path) -> None:
    images = []
    for suffix, name in {"gif": "GIF", "bmp": "BMP", "webp": "WebP", "tiff": "TIFF"}.items():
        images.append((tmp_path / f"x.{suffix}", name))
        Image.new("RGB", (4, 4)).save(images[-1][0])
    for line, (_, name) in zip(decode_lines(binary, [path for path, _ in images]), images, strict=True):
        assert line["error"] == f"format not supported yet: {name}"
