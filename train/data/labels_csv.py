"""`csv` data sets: a table of file names and labels beside a folder of images."""

from __future__ import annotations

import csv
from pathlib import Path

from contract.errors import DataError, nearest
from contract.matrix import Columns, Dataset
from train.data.found import Listed, below


def read_set(dataset: Dataset, root: Path, folders: dict[str, Path]) -> list[Listed]:
    """All images that the CSV files name, one file a folder (split -> folder). Raises DataError naming file and line."""
    listed: list[Listed] = []
    for split, folder in folders.items():
        listed += read_csv(folder / dataset.labels, folder / dataset.images, root, dataset.columns, split)
    return listed


def read_csv(table: Path, images: Path, root: Path, columns: Columns, split: str) -> list[Listed]:
    """Rows of one CSV as images below `images`; paths are made relative to `root`."""
    rows = _rows(table, columns)
    home = images.resolve()
    if not home.is_dir():
        raise DataError("no such folder of images", where=str(images), next="check --root, or images = DIR in matrix.toml")
    if not home.is_relative_to(root.resolve()):
        raise DataError(
            "the folder of images lies outside of the data set's root", where=str(images), next="give the --root that holds both"
        )
    seen: dict[str, int] = {}
    listed = []
    for line, name, label in rows:
        where = f"{table}: line {line}"
        if not label:
            raise DataError(f"'{name}' has no label", where=where, next="fill in the label, or delete the row")
        path = _inside(name, home, root, where)
        if path in seen:
            raise DataError(f"'{name}' is listed twice, first in line {seen[path]}", where=where, next="keep one of the rows")
        seen[path] = line
        listed.append(Listed(path, label, split))
    return listed


def _inside(name: str, home: Path, root: Path, where: str) -> str:
    try:
        path = (home / name).resolve()
        good = path.is_relative_to(home) and path.is_file()
    except (ValueError, OSError, RuntimeError) as fault:  # a NUL in the name, one that is too long, links in a circle
        raise DataError(f"{name!r:.80} is not a file name", where=where, next="correct the row") from fault
    if not path.is_relative_to(home):
        raise DataError(f"'{name}' leaves the data set's folder {home}", where=where, next="names must stay below it, symbolic links too")
    if not good:
        raise DataError(f"no such image file: '{name}'", where=where, next=f"put it into {home}, or delete the row")
    return below(path, root.resolve())


def _rows(table: Path, columns: Columns) -> list[tuple[int, str, str]]:
    try:
        # utf-8-sig: a byte-order mark, as spreadsheets write it, is not part of the first column's name.
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = list(reader.fieldnames or [])
            _need_columns(header, columns, table)
            return [(reader.line_num, _cell(row, columns.file), _cell(row, columns.label)) for row in reader]
    except FileNotFoundError as fault:
        raise DataError("no such file", where=str(table), next="check --root, or labels = FILE in matrix.toml") from fault
    except IsADirectoryError as fault:
        raise DataError("a folder, not a CSV file", where=str(table), next="check labels = FILE in matrix.toml") from fault
    except (UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"not a UTF-8 CSV file: {fault}", where=str(table), next="save it as CSV in UTF-8") from fault


def _cell(row: dict[str, str | None], column: str) -> str:
    # Labels stay as they are written: "QUEEN ALEXANDRA'S BIRDWING" would not survive re-casing.
    return row.get(column) or ""


def _need_columns(header: list[str], columns: Columns, table: Path) -> None:
    for wanted in (columns.file, columns.label):
        if wanted in header:
            continue
        if not header:
            raise DataError("empty", where=str(table), next=f"its first line must name the columns {columns.file},{columns.label}")
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            raise DataError(f"columns are not separated by commas: {header[0]!r}", where=str(table), next="save it with commas")
        raise DataError(
            f"no column '{wanted}'; {nearest(wanted, header)}",
            where=str(table),
            next='name its columns in matrix.toml: columns = { file = "…", label = "…" }',
        )
