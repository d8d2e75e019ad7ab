"""The drawn data set: files like the Kaggle set's, the same bytes from the same seed."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from train.data.wings import draw
from train.data.wings_species import SPECIES


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("wings")
    draw(root, species=12, per_species=3)
    return root


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "Training_set.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hashes(root: Path) -> dict[str, str]:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_csv_names_every_file_once(drawn):
    table = rows(drawn)
    assert list(table[0]) == ["filename", "label"]
    assert [row["filename"] for row in table] == [f"Image_{number}.jpg" for number in range(1, 37)]
    assert {row["filename"] for row in table} == {path.name for path in (drawn / "train").iterdir()}


def test_labels_are_balanced_and_mixed(drawn):
    labels = [row["label"] for row in rows(drawn)]
    assert Counter(labels) == {kind.name: 3 for kind in SPECIES}
    assert labels[:12] != labels[12:24]
    assert labels != sorted(labels)


def test_names_are_unlike_and_need_care():
    names = {kind.name for kind in SPECIES}
    assert len(names) == len(SPECIES) >= 12
    assert all(name == name.upper() for name in names)
    assert all(any(mark in name for name in names) for mark in " -'")


def test_images_decode_as_rgb_jpeg_of_many_shapes(drawn):
    sizes = []
    for path in (drawn / "train").iterdir():
        with Image.open(path) as image:
            image.load()
            assert (image.format, image.mode) == ("JPEG", "RGB")
            sizes.append(image.size)
    assert all(240 <= side <= 640 for size in sizes for side in size)
    assert len(set(sizes)) > 20
    assert any(width > height for width, height in sizes)
    assert any(width < height for width, height in sizes)


def test_a_seed_decides_every_byte(tmp_path):
    for name, seed in (("one", 5), ("same", 5), ("other", 6)):
        draw(tmp_path / name, species=4, per_species=1, seed=seed)
    one, same, other = (hashes(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same
    assert all(one[f"train/Image_{number}.jpg"] != other[f"train/Image_{number}.jpg"] for number in range(1, 5))


def test_a_larger_set_begins_with_the_smaller_one(drawn, tmp_path):
    draw(tmp_path / "small", species=12, per_species=1)
    small, large = hashes(tmp_path / "small" / "train"), hashes(drawn / "train")
    assert small == {name: large[name] for name in small}


def test_draws_into_a_folder_that_exists(tmp_path):
    draw(tmp_path, species=1, per_species=1)
    assert [row["label"] for row in rows(tmp_path)] == [SPECIES[0].name]


@pytest.mark.parametrize("species", [0, len(SPECIES) + 1])
def test_too_many_species_names_the_maximum(tmp_path, species):
    with pytest.raises(ValueError, match=f"1 to {len(SPECIES)}"):
        draw(tmp_path / "none", species=species)
    assert not (tmp_path / "none").exists()


def test_no_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        draw(tmp_path, per_species=0)
