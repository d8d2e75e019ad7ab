from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import DataError
from tests.train import tiny
from train.data import class_folders


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tiny.picture("RED", len(name)).save(path)


def read(root: Path, **changed: object):
    return class_folders.read_set(tiny.dataset(root, format="folder", **changed), root)


def test_classes_are_folders_and_images_may_lie_deeper(tmp_path: Path) -> None:
    make(tmp_path, "b/2.png", "a/deep/1.png", "a/0.PNG")
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / ".DS_Store").mkdir()
    assert [(item.path, item.label) for item in read(tmp_path)] == [("a/0.PNG", "a"), ("a/deep/1.png", "a"), ("b/2.png", "b")]


def test_a_loop_of_links_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a/0.png", "b/0.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert len(read(tmp_path)) == 2


def test_a_link_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "secret.png", "set/a/0.png")
    (tmp_path / "set" / "a" / "1.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="leaves the data set's folder"):
        read(tmp_path / "set")


def test_missing_empty_and_classless_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match="holds no class folders"):
        read(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="a class folder without an image"):
        read(tmp_path)


def test_splits_that_come_with_the_set_are_kept(tmp_path: Path) -> None:
    make(tmp_path, "tr/a/0.png", "te/a/0.png")
    assert [(item.path, item.split) for item in read(tmp_path, train="tr", test="te")] == [("tr/a/0.png", "train"), ("te/a/0.png", "test")]
