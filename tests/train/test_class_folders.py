from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from contract.errors import DataError
from tests.train import tiny
from train.data import class_folders
from train.data.load import load


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tiny.picture("RED", len(name)).save(path)


def read(root: Path):
    return class_folders.read_set(root, {"": root})[0]


def test_classes_are_folders_and_images_may_lie_deeper(tmp_path: Path) -> None:
    make(tmp_path, "b/2.png", "a/deep/1.png", "a/0.PNG")
    (tmp_path / ".DS_Store").mkdir()
    (tmp_path / "a" / ".DS_Store").touch()
    assert class_folders.read_set(tmp_path, {"": tmp_path})[1] == []
    assert [(item.path, item.label) for item in read(tmp_path)] == [("a/0.PNG", "a"), ("a/deep/1.png", "a"), ("b/2.png", "b")]


def test_a_loop_of_links_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a/0.png", "b/0.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert len(read(tmp_path)) == 2


def test_a_link_to_itself_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, "a/0.png", "b/0.png")
    (tmp_path / "a" / "1.png").symlink_to(tmp_path / "a" / "1.png")
    assert [item.path for item in read(tmp_path)] == ["a/0.png", "a/1.png", "b/0.png"]


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
    listed, _ = class_folders.read_set(tmp_path, {"train": tmp_path / "tr", "test": tmp_path / "te"})
    assert [(item.path, item.split) for item in listed] == [("tr/a/0.png", "train"), ("te/a/0.png", "test")]


def test_files_of_other_formats_are_counted_with_an_example(tmp_path: Path) -> None:
    make(tmp_path, "a/0.png", "b/0.png")
    for name in ("a/scan.tiff", "b/notes.txt"):
        (tmp_path / name).touch()
    listed, notes = class_folders.read_set(tmp_path, {"": tmp_path})
    assert len(listed) == 2
    assert notes == ["2 files that are not JPEG, PNG, WEBP, BMP, GIF by name were left out, such as a/scan.tiff"]


def test_a_link_to_nothing_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, *(f"{'ab'[number // 4]}/{'0' * number}1.png" for number in range(8)))
    (tmp_path / "a" / "9.png").symlink_to(tmp_path / "a" / "gone.png")
    entry = tiny.dataset(tmp_path, format="folder")
    with pytest.raises(DataError, match=r"a/9\.png: cannot be read: No such file"):
        load(entry, tmp_path, seed=0, skip_bad=False, threads=1)
    assert load(entry, tmp_path, seed=0, skip_bad=True, threads=1).skipped == ("a/9.png: cannot be read: No such file or directory",)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
@pytest.mark.parametrize("name", [b"a/\xff.png", b"\xff/0.png"])
def test_a_name_that_is_not_utf_8_is_refused_by_name(tmp_path: Path, name: bytes) -> None:
    make(tmp_path, "a/0.png", "b/0.png", os.fsdecode(name))
    with pytest.raises(DataError, match=r"\\xff.*a file name that is not UTF-8") as caught:
        read(tmp_path)
    str(caught.value).encode()
