from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import DataError
from train.data.found import Checked, Listed, class_order
from train.data.split import split

SHARES = (0.7, 0.15, 0.15)


def images(counts: dict[str, int], came_with: str = "") -> list[Checked]:
    return [
        Checked(f"{label}/{n}.png", label, came_with, f"sha-{label}-{n}-{came_with}")
        for label, count in counts.items()
        for n in range(count)
    ]


def paths(found, name: str) -> set[str]:
    return {entry.path for entry in found.parts[name]}


def test_shares_hold_within_each_class() -> None:
    found = split(images({"a": 100, "b": 20}), ("a", "b"), SHARES, 0)
    counts = {name: [sum(entry.label == label for entry in part) for label in (0, 1)] for name, part in found.parts.items()}
    assert counts == {"train": [70, 14], "val": [15, 3], "test": [15, 3]}


def test_the_order_of_files_does_not_matter_and_the_seed_does() -> None:
    listed = images({"a": 30, "b": 30})
    turned = random.Random(1).sample(listed, len(listed))
    assert split(listed, ("a", "b"), SHARES, 0) == split(turned, ("a", "b"), SHARES, 0)
    assert split(listed, ("a", "b"), SHARES, 0) != split(listed, ("a", "b"), SHARES, 1)


@given(st.lists(st.integers(0, 12), min_size=40, max_size=80), st.integers(0, 5), st.booleans())
def test_identical_images_are_never_on_both_sides(contents: list[int], seed: int, two_labels: bool) -> None:
    labels = ["ab"[n % 2] for n in range(len(contents))]
    # Identical bytes may have two labels.
    hashes = [f"sha-{content}{'' if two_labels else label}" for content, label in zip(contents, labels, strict=True)]
    listed = [Checked(f"{n}.png", label, "", sha256) for n, (label, sha256) in enumerate(zip(labels, hashes, strict=True))]
    listed += images({"a": 3, "b": 3})
    found = split(listed, ("a", "b"), SHARES, seed)
    sides = [{entry.sha256 for entry in part} for part in found.parts.values()]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert sum(len(part) for part in found.parts.values()) == len(listed)


def test_duplicates_and_conflicting_labels_are_counted() -> None:
    listed = [*images({"a": 5, "b": 5}), Checked("copy.png", "a", "", "sha-a-0-"), Checked("wrong.png", "b", "", "sha-a-1-")]
    found = split(listed, ("a", "b"), SHARES, 0)
    assert found.notes == ("2 images are exact copies of others: kept on one side of the split", "1 images occur with conflicting labels")


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_too_small_for_three_splits_is_an_error_that_says_how_small(count: int) -> None:
    with pytest.raises(DataError, match=f"class 'b' has {count} images"):
        split(images({"a": 10, "b": count}), ("a", "b"), SHARES, 0)


def test_three_images_are_just_enough() -> None:
    found = split(images({"a": 3, "b": 3}), ("a", "b"), SHARES, 0)
    assert [len(part) for part in found.parts.values()] == [2, 2, 2]


def test_copies_of_one_image_do_not_make_a_class() -> None:
    listed = [*images({"a": 9}), *(Checked(f"{n}.png", "b", "", "the-same") for n in range(9))]
    with pytest.raises(DataError, match=r"class 'b' has 9 images \(1 different ones\)"):
        split(listed, ("a", "b"), SHARES, 0)


def test_a_split_that_came_with_the_set_is_kept_and_val_is_cut_from_train() -> None:
    listed = [*images({"a": 20, "b": 20}, "train"), *images({"a": 4, "b": 4}, "test")]
    found = split(listed, ("a", "b"), (0.6, 0.2, 0.2), 0)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 30, "val": 10, "test": 8}
    assert paths(found, "test") == {item.path for item in listed if item.split == "test"}


def test_leaks_of_a_given_split_are_noted() -> None:
    listed = [*images({"a": 4, "b": 4}, "train"), *images({"a": 4, "b": 4}, "val"), *images({"a": 1, "b": 1}, "test")]
    listed.append(Checked("leak.png", "a", "test", "sha-a-0-train"))
    assert "1 test images are also in train, as the set came: test accuracy flatters" in split(listed, ("a", "b"), SHARES, 0).notes


def test_leaks_between_any_two_given_parts_are_noted_and_nothing_is_said_to_be_kept_apart() -> None:
    listed = [item for name in ("train", "val", "test") for item in images({"a": 4, "b": 4}, name)]
    listed += [
        Checked("1.png", "a", "val", "sha-a-0-train"),
        Checked("2.png", "a", "test", "sha-a-0-val"),
        Checked("3.png", "b", "train", "sha-b-1-train"),
    ]
    assert split(listed, ("a", "b"), SHARES, 0).notes == (
        "3 images are exact copies of others",
        "1 val images are also in train, as the set came: val accuracy flatters",
        "1 test images are also in val, as the set came: test accuracy flatters",
    )


def test_class_orders_must_match() -> None:
    listed = [Listed("0", "a", "train"), Listed("1", "b", "train"), Listed("2", "a", "test")]
    with pytest.raises(DataError, match="test has no image of class 'b'"):
        class_order(listed, "here")


def test_one_class_and_no_image_are_errors() -> None:
    with pytest.raises(DataError, match="all 2 images have one class, 'a'"):
        class_order([Listed("0", "a"), Listed("1", "a")], "here")
    with pytest.raises(DataError, match="no image found"):
        class_order([], "here")
