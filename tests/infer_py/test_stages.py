"""`stages` of the Python runner, and turning by EXIF orientation: as exif_transpose, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.errors import DataError
from contract.protocol import StageStart
from infer_py.preprocess import decode, opened, preprocess, turned
from infer_py.stages import stages
from tests import exif
from tests.infer_py.conftest import SPEC, Build, card
from tests.infer_py.test_serve import OPTIONS, Peer
from tests.staging import (
    asker,
    check_bad_starts,
    check_every_start,
    check_predict_and_time,
    check_that_only_turning_looks_at_the_file,
    turned_image,
)

ORIENT = replace(SPEC, orient=True)


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    started = Peer()
    yield started
    assert started.end() == 0


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return turned_image(tmp_path)


@pytest.mark.parametrize("orient", [False, True])
def test_every_stage_can_be_started_from(peer: Peer, build: Build, image: Path, tmp_path: Path, orient: bool):
    model = build(card=card(spec=replace(SPEC, orient=orient)))
    whole = check_every_start(asker(peer.ask, model, OPTIONS), image, tmp_path, 6)
    assert whole["decode"].shape == (41, 50, 3)
    assert np.array_equal(whole["orient"], np.rot90(whole["decode"], -1) if orient else whole["decode"])
    name = peer.ask("load", model=str(model), provider="cpu", options=OPTIONS).id
    check_predict_and_time(peer.ask, name, image, tmp_path, whole)


def test_a_start_that_is_no_array_of_its_stage_is_named(peer: Peer, build: Build, image: Path, tmp_path: Path):
    check_bad_starts(asker(peer.ask, build(), OPTIONS), image, tmp_path)


def test_the_image_file_is_looked_at_only_for_its_orientation(peer: Peer, build: Build, tmp_path: Path):
    check_that_only_turning_looks_at_the_file(
        lambda orient: asker(peer.ask, build(card=card(spec=replace(SPEC, orient=orient))), OPTIONS), tmp_path
    )


def test_an_array_that_would_become_too_large_is_named(tmp_path: Path):
    np.save(tmp_path / "thin.npy", np.zeros((1, 300_000, 3), np.uint8))
    start = StageStart("decode", str(tmp_path / "thin.npy"))
    with pytest.raises(DataError, match="by resizing") as caught:
        stages(tmp_path / "x.jpg", SPEC, start)
    assert caught.value.where.endswith("thin.npy")


def test_every_way_to_state_an_orientation_is_read_as_pillow_does(tmp_path: Path):
    found = {}
    for path in exif.write(tmp_path):
        wanted, upright = exif.by_pillow(path)
        image, stated = decode(path)
        assert stated == wanted, path.name
        assert np.array_equal(np.asarray(turned(image, stated)), upright), path.name
        assert np.array_equal(np.asarray(opened(path, ORIENT)), upright), path.name
        assert np.array_equal(np.asarray(opened(path, SPEC)), np.asarray(image)), path.name
        found[stated] = found.get(stated, 0) + 1
    assert set(found) == {None, *range(1, 9)}
    assert min(found[None], found[6]) > 50, found


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_the_tensor_of_a_turned_image_is_that_of_the_upright_one(tmp_path: Path, suffix: str, number: int):
    data = exif.tiff(exif.short(number))
    made = {
        "jpg": lambda picture: exif.jpeg(picture, exif.PREFIX + data),
        "png": lambda picture: exif.png(picture, (b"eXIf", data)),
        "webp": lambda picture: exif.webp(picture, data),
    }
    for width, height in ((60, 43), (31, 90)):
        path = tmp_path / f"{width}.{suffix}"
        path.write_bytes(made[suffix](exif.drawn(width, height)))
        upright = tmp_path / f"{width}-upright.png"
        upright.write_bytes(exif.png(exif.Image.fromarray(exif.by_pillow(path)[1])))
        assert preprocess(path, ORIENT).tobytes() == preprocess(upright, SPEC).tobytes()
        assert (preprocess(path, SPEC).tobytes() == preprocess(upright, SPEC).tobytes()) == (number == 1)
