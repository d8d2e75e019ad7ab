"""Decoding against infer_py (Pillow): the same pixels, and the same files refused with the same class of error."""

from __future__ import annotations

import csv
import hashlib
import random
import struct
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.fuzz import campaign
from contract.errors import DataError
from contract.layout import CHECKOUT
from contract.pictures import FORMATS
from infer_py.preprocess import decode
from tests.infer_rs.conftest import decode_lines
from tests.infer_rs.pictures import draw, painted_again
from train.data import images as training

SET = CHECKOUT.parent / "shared" / "data" / "decode"
MAGIC = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"RIFF": "WEBP", b"II": "TIFF", b"MM": "TIFF"}


def format_of(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(8)
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)


def by_infer_py(path: Path) -> str | None:
    """Sum of the RGB pixels, or None for bad data; any other error is the test's."""
    try:
        return hashlib.sha256(np.asarray(decode(path)[0]).tobytes()).hexdigest()
    except DataError:
        return None


def assert_alike(binary: Path, paths: list[Path]) -> list[str | None]:
    seen = [by_infer_py(path) for path in paths]
    for line, path, wanted in zip(decode_lines(binary, paths), paths, seen, strict=True):
        assert line.get("sha256") == wanted, (path.name, line, wanted)
        assert wanted or line["kind"] == DataError.kind, line
    return seen


def test_generated_images(binary: Path, tmp_path: Path) -> None:
    assert None not in assert_alike(binary, draw(tmp_path))


def test_jpeg_files_that_take_hours(binary: Path, tmp_path: Path) -> None:
    """0.7 MB that paint eight million pixels eleven thousand times: refused by everybody, and at once."""
    bomb, many = tmp_path / "bomb.jpg", tmp_path / "many.jpg"
    bomb.write_bytes(painted_again((4096, 2048), 11_000))
    many.write_bytes(painted_again((64, 48), 1100))
    began = time.monotonic()
    refused, read = assert_alike(binary, [bomb, many])
    assert (refused, read is not None) == (None, True)
    assert time.monotonic() - began < 20  # painting it takes a minute and a half
    for decoder in (decode, training.decode):
        with pytest.raises(DataError, match="11010 scans of 4096 x 2048 pixels are more than 1024"):
            decoder(bomb)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_the_decode_set(binary: Path) -> None:
    """753 files of other projects' tests: the pixels of the manifest, by both, or a refusal by both."""
    if not SET.is_dir():
        pytest.skip("../shared/data/decode is not here")
    with (SET / "MANIFEST.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts: Counter[tuple[str | None, str]] = Counter()
    for row, seen in zip(rows, assert_alike(binary, [SET / row["path"] for row in rows]), strict=True):
        form = format_of(SET / row["path"])
        counts[form, "equal" if seen else "both refuse"] += 1
        assert seen == (row["rgb_sha256"] if row["status"] == "ok" and form in FORMATS else None), row["path"]
    assert counts == {
        ("JPEG", "equal"): 96, ("JPEG", "both refuse"): 38, ("PNG", "equal"): 414, ("PNG", "both refuse"): 10, ("GIF", "equal"): 24,
        ("BMP", "equal"): 42, ("BMP", "both refuse"): 18, ("WEBP", "equal"): 27, ("TIFF", "both refuse"): 70, (None, "both refuse"): 14,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_damaged_files(binary: Path, tmp_path: Path, kind: str) -> None:
    """Bits flipped, bytes inserted, taken away or cut off in pictures larger than the fuzzer's."""
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
    seen = assert_alike(binary, damaged)
    assert 10 < seen.count(None) < 290


def test_a_short_run_of_the_fuzzer(binary: Path, tmp_path: Path) -> None:
    """`python -m bench fuzz` is the long one."""
    found = campaign.run(campaign.cases(17, 1500, FORMATS), [str(binary), "decode", "-"], tmp_path)
    assert not found.disagreements, found.disagreements
    assert all(found.counts[form, outcome] > 10 for form in FORMATS for outcome in ("equal", "both refuse")), found.counts


@pytest.mark.parametrize(
    ("form", "name"), [("TIFF", "TIFF"), ("ICO", "ICO"), ("JPEG2000", "JPEG 2000"), ("AVIF", "AVIF or HEIF"), ("DDS", "DDS")]
)
def test_other_formats_are_refused_by_name_and_alike(binary: Path, tmp_path: Path, form: str, name: str) -> None:
    path = tmp_path / "x.jpg"
    Image.new("RGB", (32, 32)).save(path, format=form)
    with pytest.raises(DataError) as caught:
        decode(path)
    (line,) = decode_lines(binary, [path])
    assert line["error"] == caught.value.what == f"format not supported: {name}"


def test_limits_are_alike(binary: Path, tmp_path: Path) -> None:
    """Files of a terabyte, and images one row above and at the limit of pixels."""
    paths = []
    for name, head, size in [("film.gif", b"GIF89a", 1 << 40), ("film.png", b"\x89PNG\r\n\x1a\n", (1 << 30) + 1)]:
        paths.append(tmp_path / name)
        with paths[-1].open("wb") as file:
            file.write(head)
            file.truncate(size)
    for name, size in [("large.png", (9460, 9459)), ("allowed.png", (9459, 9459)), ("small.gif", (1, 1)), ("small.bmp", (1, 1))]:
        paths.append(tmp_path / name)
        Image.new("1", size).save(paths[-1])
    # The same size, only stated.
    for path, at, head in [(paths[-2], 6, struct.pack("<HH", 9460, 9459)), (paths[-1], 18, struct.pack("<II", 9460, 9459))]:
        data = path.read_bytes()
        path.write_bytes(data[:at] + head + data[at + len(head) :])
    paths.append(tmp_path / "canvas.webp")
    canvas = b"VP8X" + (10).to_bytes(4, "little") + bytes(4) + b"\xff\xff\0\xff\xff\0"
    paths[-1].write_bytes(b"RIFF" + (4 + len(canvas)).to_bytes(4, "little") + b"WEBP" + canvas)
    seen = assert_alike(binary, paths)
    assert [each is None for each in seen] == [True] * 3 + [False] + [True] * 3
