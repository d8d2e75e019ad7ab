"""Disk space, and data sets that are there, in part, or not."""

from __future__ import annotations

import shlex
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bench.checkup import data
from contract import options as shared
from contract.matrix import Columns, Dataset


@pytest.fixture
def table(tmp_path: Path) -> Dataset:
    """A csv set of three images and two classes."""
    (tmp_path / "images" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "deep/c.jpg"):
        (tmp_path / "images" / name).touch()
    (tmp_path / "labels.csv").write_text("file,class\na.jpg,x\nb.jpg,y\ndeep/c.jpg,x\n")
    return Dataset("mine", "csv", str(tmp_path), "images", "labels.csv", Columns("file", "class"))


@pytest.fixture
def folders(tmp_path: Path) -> Dataset:
    """A folder set of two classes, in three splits."""
    for name in ("train/x/1.jpg", "train/x/2.PNG", "train/x/notes.txt", "train/y/sub/3.jpg", "test/x/4.jpg", "test/y/5.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return Dataset("mine", "folder", str(tmp_path), train="train", test="test")


def seen(entry: Dataset, *, chosen: bool = True) -> tuple[bool | None, str, str]:
    row = data.dataset(entry, chosen=chosen)
    assert row.what == "data set mine"
    return row.good, row.found, row.cure


def test_a_csv_set_is_counted(table):
    assert seen(table) == (True, "2 classes, 3 images", "")


def test_a_folder_set_is_counted_over_its_splits(folders):
    assert seen(folders) == (True, "2 classes, 5 images", "")


@pytest.mark.parametrize(("chosen", "good"), [(True, False), (False, None)])
def test_a_set_that_is_not_there_is_an_error_only_where_the_run_takes_it(table, tmp_path, chosen, good):
    gone = replace(table, root=str(tmp_path / "gone"))
    found = seen(gone, chosen=chosen)
    mend = "uvx nox -s train export bench -- --dataset mine --root DIR # the folder where it lies"
    assert found == (good, f"no such folder: {tmp_path / 'gone'}", mend)


@pytest.mark.parametrize("name", ["gone.jpg", "../../../gone", "n" * 5000, "nul\\x00"])
def test_images_that_are_listed_and_not_there_are_counted(table, tmp_path, name):
    with (tmp_path / "labels.csv").open("a") as file:
        file.write(f"{name},x\n")
    good, found, _ = seen(table)
    assert good is False
    assert found == "4 images are listed, and 1 of them are not there" or found.startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [("name,class\na.jpg,x\n", "no column 'file'"), ("", "no column 'file'"), ("file,class\n", "0 images"), ("\xff", "cannot be read")],
)
def test_a_table_that_is_none_is_said(table, tmp_path, text, words):
    (tmp_path / "labels.csv").write_bytes(text.encode("latin-1"))
    good, found, _ = seen(table)
    assert good is False
    assert words in found


def test_a_column_that_is_not_there_is_named_anew_in_the_matrix(table, tmp_path):
    (tmp_path / "labels.csv").write_text("name,class\na.jpg,x\n")
    _, _, mend = seen(table)
    named = tomllib.loads(mend.replace("NAME", "'name'"))["columns"]
    assert Columns(**named) == Columns("name", "name")


def test_the_options_of_the_cures_are_those_of_the_steps(table, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    parser = shared.parser("train", "")
    disks = data.disk(shared.parse(parser, [])[0])
    gone = data.dataset(replace(table, root=str(tmp_path / "gone")), chosen=True)
    for row, option in zip((*disks, gone), ("artifacts", "reports", "root"), strict=True):
        words = shlex.split(row.cure, comments=True)
        asked, _ = shared.parse(parser, words[words.index("--") + 1 :])
        assert getattr(asked, option).name == "DIR"


def test_a_class_without_an_image_is_named(folders, tmp_path):
    (tmp_path / "train" / "empty").mkdir()
    assert seen(folders) == (False, "a class folder without an image: empty", "put images into it, or delete it")


def test_a_folder_without_classes_is_said(tmp_path):
    assert seen(Dataset("mine", "folder", str(tmp_path)))[:2] == (False, "holds no class folders")


def test_the_drawn_set_is_drawn_when_it_is_needed():
    row = data.dataset(Dataset("wings", "wings", species=3, per_species=10), chosen=True)
    assert (row.good, row.found) == (True, "3 classes, 30 images, drawn when they are needed")


def test_a_full_disk_is_named_with_the_option_that_moves_the_folder(monkeypatch, tmp_path):
    asked, _ = shared.parse(shared.parser("doctor", ""), [f"--{name}={tmp_path / name}" for name in ("artifacts", "reports")])
    assert [(row.good, row.cure) for row in data.disk(asked)] == [(shutil.disk_usage(tmp_path).free >= data.LEAST_FREE, "")] * 2
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    assert [(row.good, row.found, row.cure) for row in data.disk(asked)] == [
        (False, "1 GB free", f"uvx nox -s train export bench -- --{name} DIR # on another disk") for name in ("artifacts", "reports")
    ]
