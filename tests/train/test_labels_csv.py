from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import DataError
from contract.matrix import Columns
from tests.train import tiny
from train.data import labels_csv


def rows(root: Path, text: str, **changed: object):
    (root / "labels.csv").write_bytes(text.encode())
    return read(root, **changed)


def read(root: Path, **changed: object):
    return labels_csv.read_set(tiny.dataset(root, **changed), root, {"": root})


def test_labels_stay_as_they_are_written_and_paths_are_relative_to_the_root(squares: Path) -> None:
    found = rows(squares, "filename,label\nRED_0.png,QUEEN ALEXANDRA'S BIRDWING\nRED_1.png, spaced \n")
    assert [(item.path, item.label) for item in found] == [
        ("train/RED_0.png", "QUEEN ALEXANDRA'S BIRDWING"),
        ("train/RED_1.png", " spaced "),
    ]


def test_byte_order_mark_carriage_returns_and_quotes_are_read(squares: Path) -> None:
    found = rows(squares, '\ufefffilename,label\r\nRED_0.png,"a, b"\r\n')
    assert [(item.path, item.label) for item in found] == [("train/RED_0.png", "a, b")]


def test_columns_are_configurable(squares: Path) -> None:
    found = rows(squares, "species,id,photo\nMONARCH,1,RED_0.png\n", columns=Columns("photo", "species"))
    assert [(item.path, item.label) for item in found] == [("train/RED_0.png", "MONARCH")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("file_name,label\nRED_0.png,a\n", "no column 'filename'; did you mean 'file_name'?"),
        ("filename,species\nRED_0.png,a\n", "no column 'label'"),
        ("filename;label\nRED_0.png;a\n", "columns are not separated by commas"),
        ("filename,label\nRED_0.png,\n", "line 2: 'RED_0.png' has no label"),
        ("filename,label\nRED_0.png\n", "line 2: 'RED_0.png' has no label"),
        ("filename,label\nRED_0.png,a\nRED_0.png,a\n", "line 3: 'RED_0.png' is listed twice, first in line 2"),
        ("filename,label\nRED_0.png,a\n./RED_0.png,a\n", "listed twice"),
        ("filename,label\ngone.png,a\n", "line 2: no such image file: 'gone.png'"),
        ("filename,label\nred_0.png ,a\n", "no such image file: 'red_0.png '"),
        ("filename,label\n,a\n", "no such image file: ''"),
        ("filename,label\n.,a\n", "no such image file: '.'"),
        (f"filename,label\n{'x' * 300}.png,a\n", "xxx is not a file name"),
        ("filename,label\n../../x.png,a\n", "line 2: '../../x.png' leaves the data set's folder"),
        ("filename,label\n/etc/passwd,a\n", "'/etc/passwd' leaves the data set's folder"),
        ('filename,label\n"RED_0.png,a\n', "not a UTF-8 CSV file"),
    ],
)
def test_bad_tables_are_refused_by_name(squares: Path, text: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        rows(squares, text)
    assert says in str(caught.value)
    assert str(squares / "labels.csv") in str(caught.value)
    assert caught.value.next


def test_a_nul_byte_is_refused(squares: Path) -> None:
    with pytest.raises(DataError):
        rows(squares, "filename,label\nRED\0_0.png,a\n")


def test_latin_1_is_refused(squares: Path) -> None:
    (squares / "labels.csv").write_bytes("filename,label\nRED_0.png,Schmetterling für\n".encode("latin-1"))
    with pytest.raises(DataError, match="not a UTF-8 CSV file"):
        read(squares)


def test_a_link_out_of_the_folder_is_refused(squares: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    tiny.picture("RED", 0).save(outside)
    (squares / "train" / "link.png").symlink_to(outside)
    with pytest.raises(DataError, match="leaves the data set's folder"):
        rows(squares, "filename,label\nlink.png,a\n")


def test_an_image_folder_outside_of_the_root_is_refused(squares: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(DataError, match="outside of the data set's root"):
        rows(squares, "filename,label\n", images="../elsewhere")


def test_missing_table_and_missing_folder(squares: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read(squares, labels="gone.csv")
    with pytest.raises(DataError, match="a folder, not a CSV file"):
        read(squares, labels="train")
    with pytest.raises(DataError, match="no such folder of images"):
        read(squares, images="gone")


def test_splits_that_come_with_the_set_are_kept(tmp_path: Path) -> None:
    for split in ("train", "test"):
        tiny.write_csv_set(tmp_path / split, per_class=1)
    found = labels_csv.read_set(tiny.dataset(tmp_path), tmp_path, {name: tmp_path / name for name in ("train", "test")})
    assert {(item.path, item.split) for item in found} >= {("train/train/RED_0.png", "train"), ("test/train/RED_0.png", "test")}
