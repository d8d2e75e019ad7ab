"""Disk space, and whether each data set of matrix.toml is where it says."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from bench.checkup.row import Row
from contract.layout import CHECKOUT
from contract.matrix import Dataset, Matrix
from contract.options import Options

LEAST_FREE = 5e9
STEPS = "uvx nox -s train export bench --"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})


def rows(options: Options, matrix: Matrix) -> list[Row]:
    """Disks, then data sets."""
    return [*disk(options), *(dataset(entry, chosen=entry.name in matrix.defaults.dataset) for entry in matrix.dataset)]


def disk(options: Options) -> list[Row]:
    """Room for artifacts and reports."""
    found = []
    for name, folder in (("artifacts", options.artifacts), ("reports", options.reports)):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        good = free >= LEAST_FREE
        mend = "" if good else f"{STEPS} --{name} DIR # on another disk"
        found.append(Row(f"disk for {name}", good, f"{free / 1e9:.0f} GB free", mend))
    return found


def dataset(entry: Dataset, *, chosen: bool) -> Row:
    """What is there of a data set. One that this run does not take may be absent; train reads and checks each image, this only counts."""
    what = f"data set {entry.name}"
    if entry.format == "wings":
        return Row(what, True, f"{entry.species} classes, {entry.species * entry.per_species} images, drawn when they are needed")
    try:
        return Row(what, True, _csv(entry) if entry.format == "csv" else _folders(entry))
    except _Absent as fault:
        mend = fault.cure or f"{STEPS} --dataset {entry.name} --root DIR # the folder where it lies"
        return Row(what, False if chosen else None, str(fault), mend)


class _Absent(Exception):
    """What is not there, and its cure where that is not another folder."""

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.cure = cure


def _parts(entry: Dataset) -> list[Path]:
    root = CHECKOUT / entry.root
    folders = [root / name for name in (entry.train, entry.val, entry.test) if name is not None] or [root]
    for folder in folders:
        if not folder.is_dir():
            raise _Absent(f"no such folder: {folder}")
    return folders


def _csv(entry: Dataset) -> str:
    listed, there = 0, 0
    classes: set[str] = set()
    for folder in _parts(entry):
        try:
            with (folder / entry.labels).open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                columns, lines = reader.fieldnames or (), list(reader)
            images = folder / entry.images
            present = {path.name for path in images.iterdir()}
            names = [str(line.get(entry.columns.file)) for line in lines]
            there += sum(name in present or (images / name).is_file() for name in names)
        except (OSError, UnicodeDecodeError, csv.Error) as fault:
            raise _Absent(f"cannot be read: {fault}") from fault
        for column in (entry.columns.file, entry.columns.label):
            if column not in columns:
                raise _Absent(f"{folder / entry.labels}: no column '{column}'", "columns = { file = NAME, label = NAME } # in matrix.toml")
        listed += len(names)
        classes |= {str(line[entry.columns.label]) for line in lines}
    if there < listed or not listed:
        raise _Absent(f"{listed} images are listed, and {listed - there} of them are not there")
    return f"{len(classes)} classes, {listed} images"


def _folders(entry: Dataset) -> str:
    counts: dict[str, int] = {}
    for folder in _parts(entry):
        for path in folder.iterdir():
            if path.is_dir() and not path.name.startswith("."):
                images = sum(each.suffix.lower() in SUFFIXES for each in path.rglob("*"))
                counts[path.name] = counts.get(path.name, 0) + images
    empty = sorted(name for name, count in counts.items() if not count)
    if empty:
        raise _Absent(f"a class folder without an image: {empty[0]}", "put images into it, or delete it")
    if not counts:
        raise _Absent("holds no class folders")
    return f"{len(counts)} classes, {sum(counts.values())} images"
