"""EXIF orientation and `stages` in Rust, against Pillow and infer_py: read alike, turned alike, bit for bit."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from contract.errors import DataError
from infer_py.preprocess import decode, preprocess
from infer_py.stages import stages
from tests import exif
from tests.infer_rs.conftest import Build, Runner, decode_lines
from tests.infer_rs.test_preprocess import assert_same_bits, rust
from tests.infer_rs.test_serve import OPTIONS, SPEC, loaded
from tests.staging import (
    asker,
    check_bad_starts,
    check_every_start,
    check_predict_and_time,
    check_that_only_turning_looks_at_the_file,
    turned_image,
)

ORIENT = replace(SPEC, orient=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return turned_image(tmp_path)


@pytest.mark.parametrize("orient", [False, True])
def test_every_stage_can_be_started_from(runner: Runner, build: Build, image: Path, tmp_path: Path, orient: bool) -> None:
    spec = replace(SPEC, orient=orient)
    whole = check_every_start(asker(runner.ask, build(spec), OPTIONS), image, tmp_path, 6)
    check_predict_and_time(runner.ask, loaded(runner, build(spec)).id, image, tmp_path, whole)
    for name, array in stages(image, spec)[0].items():
        assert array.tobytes() == whole[name].tobytes(), name


def test_a_start_that_is_no_array_of_its_stage_is_named(runner: Runner, build: Build, image: Path, tmp_path: Path) -> None:
    check_bad_starts(asker(runner.ask, build(SPEC), OPTIONS), image, tmp_path)


def test_the_image_file_is_looked_at_only_for_its_orientation(runner: Runner, build: Build, tmp_path: Path) -> None:
    check_that_only_turning_looks_at_the_file(lambda orient: asker(runner.ask, build(replace(SPEC, orient=orient)), OPTIONS), tmp_path)


def test_every_way_to_state_an_orientation_is_read_and_turned_as_pillow_does(binary: Path, build: Build, tmp_path: Path) -> None:
    paths = exif.write(tmp_path)
    lines = decode_lines(binary, paths)
    assert len(paths) > 200
    wanted = [exif.by_pillow(path)[0] for path in paths]
    assert {path.name: line.get("orientation", line) for path, line in zip(paths, lines, strict=True)} == dict(
        zip([path.name for path in paths], wanted, strict=True)
    )
    tensor = rust(binary, build(ORIENT), paths, tmp_path / "x.npy")
    for got, path in zip(tensor, paths, strict=True):
        assert_same_bits(got, preprocess(path, ORIENT), path.name)


def test_damage_at_random_is_read_as_pillow_reads_it(binary: Path, tmp_path: Path) -> None:
    chance = random.Random(4)
    paths, wanted = [], []
    blobs = list(exif.BLOBS.values())
    for number in range(1500):
        blob = bytearray(chance.choice(blobs) + chance.choice(blobs)[: chance.randrange(30)])
        for _ in range(chance.randrange(4)):
            if blob:
                blob[chance.randrange(len(blob))] = chance.choice((0, 1, 3, 5, 6, 8, 0x12, 0xFF, chance.randrange(256)))
        data = exif.PREFIX + bytes(blob[: chance.randrange(len(blob) + 1)] if chance.random() < 0.2 else blob)
        paths.append(tmp_path / (f"{number}.jpg" if number % 2 else f"{number}.png"))
        picture = exif.drawn()
        jfif = chance.choice((exif.DPI, exif.DPI[:7] + b"\0" + exif.DPI[8:]))
        paths[-1].write_bytes(exif.jpeg(picture, data, jfif=jfif) if number % 2 else exif.png(picture, (b"eXIf", data[6:])))
        wanted.append(_stated(paths[-1]))
    lines = decode_lines(binary, paths)
    found = [line.get("orientation") if "sha256" in line else "refused" for line in lines]
    assert [(path.name, said) for path, said in zip(paths, found, strict=True)] == list(
        zip([path.name for path in paths], wanted, strict=True)
    )
    assert len({*wanted}) > 5


def _stated(path: Path) -> int | str | None:
    try:
        return decode(path)[1]
    except DataError:
        return "refused"
