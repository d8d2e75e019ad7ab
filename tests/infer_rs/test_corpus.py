"""A corpus that the test makes up: every mode, quality, sampling, depth and palette in sizes from 1 to 2000, through every stage.

`CONCORD_CORPUS=5000 pytest tests/infer_rs/test_corpus.py` takes so many instead of a few.
"""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz.judge import Decoder, by_pillow
from bench.fuzz.seeds import DEPTHS, bmp, encoded, png
from contract.preprocess import CenterCrop, Exact, PreprocessSpec, Shorter
from infer_py.preprocess import preprocess
from tests.infer_rs.conftest import Build
from tests.infer_rs.pictures import draw, photo
from tests.infer_rs.test_decode import SET
from tests.infer_rs.test_preprocess import assert_same_bits, rust

EXAMPLES = int(os.environ.get("CONCORD_CORPUS", "60"))
MOST = 400_000
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CROP = CenterCrop("center", 32, 30)
SPECS = {
    "down": PreprocessSpec(Exact("exact", 40, 40), CROP, MEAN, STD),
    "down-bicubic": PreprocessSpec(Exact("exact", 37, 41), CROP, MEAN, STD, "bicubic", "x*(1/255)"),
    "up": PreprocessSpec(Exact("exact", 900, 800), CROP, MEAN, STD),
    "up-bicubic": PreprocessSpec(Exact("exact", 1100, 1000), CROP, MEAN, STD, "bicubic"),
    "flat": PreprocessSpec(Exact("exact", 700, 2), CROP, MEAN, STD, "bicubic"),
    "thin": PreprocessSpec(Exact("exact", 1, 900), CROP, MEAN, STD),
    "shorter": PreprocessSpec(Shorter("shorter", 33), CROP, MEAN, STD),
    "whole": PreprocessSpec(None, CROP, MEAN, STD),
}


@dataclass(frozen=True)
class Picture:
    """A file to be, as hypothesis shows it when it fails."""

    form: str
    size: tuple[int, int]
    mode: str
    options: dict[str, Any]
    seed: int

    def data(self) -> bytes:
        dice = random.Random(self.seed)
        if self.form == "PNG" and self.mode == "raw":
            return png(self.size, self.options["depth"], self.options["colour"], self.options["interlaced"], dice)
        if self.form == "BMP" and self.mode == "raw":
            bits = self.options["bits"]
            palette = dice.randbytes(4 << bits) if bits <= 8 else b""
            return bmp(dice, bits, self.options["packing"] if bits in (4, 8) else 0, palette, pixels=self.size)
        picture = photo(*self.size, self.seed % 100)
        if self.mode == "P":
            image = picture.quantize(self.options["colours"])
        else:
            image = picture.convert(self.mode)
            if self.mode in {"RGBA", "LA"}:
                image.putalpha(picture.convert("L"))
        frames = {"save_all": True, "append_images": [image.rotate(180)]} if self.options.get("animated") else {}
        return encoded(
            image, self.form, **{key: value for key, value in self.options.items() if key not in {"animated", "colours"}}, **frames
        )


def options(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    width = draw(st.one_of(st.integers(1, 40), st.integers(1, 2000)))
    height = draw(st.one_of(st.integers(1, 40), st.integers(1, 2000)))
    return (width, min(height, max(MOST // width, 1))) if draw(st.booleans()) else (min(width, max(MOST // height, 1)), height)


def kind(form: str, mode: list[str], **choices: list[Any]) -> st.SearchStrategy[Picture]:
    return st.builds(Picture, st.just(form), sizes(), st.sampled_from(mode), options(**choices), st.integers(0, 1 << 30))


colours, switch = [2, 3, 16, 17, 255, 256], [False, True]
raw_png = st.sampled_from([(colour, depth) for colour, depths in DEPTHS.items() for depth in depths]).flatmap(
    lambda pair: kind("PNG", ["raw"], colour=[pair[0]], depth=[pair[1]], interlaced=[0, 1])
)
pictures = st.one_of(
    kind(
        "JPEG",
        ["RGB", "L", "CMYK"],
        quality=[1, 30, 75, 100],
        subsampling=[0, 1, 2],
        progressive=switch,
        optimize=switch,
        restart_marker_blocks=[0, 1, 7],
    ),
    raw_png,
    kind("PNG", ["RGB", "RGBA", "L", "LA", "1"], compress_level=[0, 6], optimize=switch),
    kind("PNG", ["P"], colours=colours),
    kind("GIF", ["P"], colours=colours, interlace=[0, 1], animated=switch, disposal=[0, 2, 3]),
    kind("GIF", ["P"], colours=colours, transparency=[0, 1]),
    kind("GIF", ["L", "RGB", "1"], interlace=[0, 1]),
    kind("WEBP", ["RGB", "RGBA"], quality=[1, 60, 100], method=[0, 4], lossless=switch, animated=switch),
    kind("BMP", ["RGB", "RGBA", "L", "P", "1"], colours=colours),
    kind("BMP", ["raw"], bits=[1, 4, 8, 16, 24, 32], packing=[0, 1, 2]),
)


@pytest.fixture(scope="module")
def decoder(binary: Path) -> Iterator[Decoder]:
    with Decoder([str(binary), "decode", "-"]) as made:
        yield made


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(picture=pictures)
def test_pixels_are_pillows(decoder: Decoder, tmp_path_factory: pytest.TempPathFactory, picture: Picture) -> None:
    path = tmp_path_factory.getbasetemp() / "corpus-picture"
    path.write_bytes(picture.data())
    decoder.send([path])
    expected, (answer,) = by_pillow(path), decoder.answers([path])
    assert answer.agrees(expected), (answer.text, expected.text)
    # Runs of random lengths may end before the last row.
    assert expected.pixels or picture.form == "BMP", expected.text


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    made = draw(folder)
    for number, (form, size) in enumerate(
        [("WEBP", (131, 57)), ("GIF", (2, 300)), ("BMP", (301, 3)), ("WEBP", (1, 1)), ("PNG", (1, 1200))]
    ):
        made.append(folder / f"{number}.{form}")
        photo(*size).save(made[-1], form)
    return made


@pytest.fixture(scope="module")
def readable(drawn: list[Path]) -> list[Path]:
    """Of the decode set, every twentieth file that Pillow reads; all of them where CONCORD_CORPUS asks for many."""
    if not SET.is_dir():
        return drawn
    with (SET / "MANIFEST.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok" and row["format"] != "TIFF"]
    return drawn + [SET / row["path"] for row in rows[:: 20 if EXAMPLES < 1000 else 1]]


@pytest.mark.parametrize("name", SPECS)
def test_tensors_are_infer_pys(binary: Path, build: Build, readable: list[Path], tmp_path: Path, name: str) -> None:
    spec = SPECS[name]
    tensor = rust(binary, build(spec), readable, tmp_path / "x.npy")
    for got, path in zip(tensor, readable, strict=True):
        assert_same_bits(got, preprocess(path, spec), path.name)


def test_the_corpus_has_every_format_and_many_sizes() -> None:
    seen: list[Picture] = []

    @settings(max_examples=200, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(picture=pictures)
    def collect(picture: Picture) -> None:
        seen.append(picture)

    collect()
    assert {picture.form for picture in seen} == {"JPEG", "PNG", "GIF", "WEBP", "BMP"}
    longest = np.array([max(picture.size) for picture in seen])
    assert (longest > 500).sum() > 20
    assert (longest < 100).sum() > 20
