"""`stages` of the torch runner, and turning by EXIF orientation: as exif_transpose, in serving and in training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from contract.manifest import TRAIN, ImageEntry
from tests import exif
from tests.staging import asker, check_bad_starts, check_every_start, check_predict_and_time, turned_image
from tests.train import tiny
from tests.train.served import SPEC, write_model
from tests.train.test_serve import Client
from train import preset
from train.data.images import decode, read, turned
from train.fit.batches import Feed

ORIENT = replace(SPEC, orient=True)
OPTIONS = {"threads": 1}


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[Client]:
    made = Client(home)
    yield made
    assert made.close() == 0


@pytest.fixture(scope="module")
def model(home: Path) -> Path:
    write_model(home / "0000abcd", home / "squares", spec=ORIENT)
    return home / "0000abcd" / TRAIN


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return turned_image(tmp_path)


def test_every_stage_can_be_started_from(client: Client, home: Path, image: Path, tmp_path: Path) -> None:
    whole = check_every_start(asker(client.ask, home / "abcd1234" / TRAIN, OPTIONS), image, tmp_path, 6)
    assert np.array_equal(whole["orient"], whole["decode"])


def test_with_orient_as_well_and_the_other_verbs_turn_too(client: Client, model: Path, image: Path, tmp_path: Path) -> None:
    ask = asker(client.ask, model, OPTIONS)
    whole = check_every_start(ask, image, tmp_path, 6)
    assert np.array_equal(whole["orient"], np.rot90(whole["decode"], -1))
    name = client.ask("load", model=str(model), provider="cpu", options=OPTIONS).id
    check_predict_and_time(client.ask, name, image, tmp_path, whole)


def test_a_start_that_is_no_array_of_its_stage_is_named(client: Client, model: Path, image: Path, tmp_path: Path) -> None:
    check_bad_starts(asker(client.ask, model, OPTIONS), image, tmp_path)


@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged data
def test_every_way_to_state_an_orientation_is_exif_transposes(tmp_path: Path) -> None:
    for path in exif.write(tmp_path):
        wanted, upright = exif.by_pillow(path)
        image, stated = read(path)
        assert stated == wanted, path.name
        assert np.array_equal(np.asarray(turned(image, stated)), upright), path.name
        assert np.array_equal(np.asarray(decode(path, orient=True)), upright), path.name
        assert np.array_equal(np.asarray(decode(path)), np.asarray(image)), path.name


def test_training_and_evaluation_see_the_upright_image(image: Path) -> None:
    entry = ImageEntry(image.name, 0, "")
    for orient in (False, True):
        feed = Feed(image.parent, replace(tiny.SPEC, orient=orient), seed=0, device="cpu")
        upright = decode(image, orient=orient)
        ((images, _),) = feed.evaluating([entry], 1)
        assert torch.equal(images[0], preset.transform(tiny.SPEC)(upright))
        ((images, _),) = feed.training([entry], "none", 0, 1, feed.size)
        assert torch.equal(images[0], preset.transform(tiny.SPEC)(upright))
        assert upright.size == ((41, 50) if orient else (50, 41))
