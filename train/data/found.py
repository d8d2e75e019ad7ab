"""What a data set says before any image is opened: names, labels, and the split that came with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import DataError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Listed:
    """An image as the data set lists it: path relative to the root (POSIX), label as written, split that it came with ("" = none)."""

    path: str
    label: str
    split: str = ""


@dataclass(frozen=True)
class Checked:
    """A listed image that was read: sha256 of its file."""

    path: str
    label: str
    split: str
    sha256: str


def below(path: Path, root: Path) -> str:
    """A path relative to the root, as manifests hold it. Raises DataError for a name that no manifest can hold."""
    name = path.relative_to(root).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError as fault:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise DataError("a file name that is not UTF-8", where=shown, next="rename the file or folder") from fault
    return name


def class_order(listed: Sequence[Listed], where: str) -> tuple[str, ...]:
    """The sorted labels: the order of the model's outputs, frozen here once. Raises DataError for fewer than two."""
    classes = tuple(sorted({item.label for item in listed}))
    if not listed:
        raise DataError("no image found", where=where, next="check --root: it must hold the images of the data set")
    if len(classes) < 2:
        raise DataError(
            f"all {len(listed)} images have one class, '{classes[0]}'", where=where, next="a classifier needs two classes or more"
        )
    same_classes(listed, classes, where)
    return classes


def same_classes(listed: Sequence[Listed], classes: tuple[str, ...], where: str) -> None:
    """Raise DataError when train, val or test folders that came with the set do not have the same classes."""
    for split in SPLITS:
        own = {item.label for item in listed if item.split == split}
        if not own:
            continue
        lacking = sorted(set(classes) - own)
        if lacking:
            raise DataError(
                f"{split} has no image of class '{lacking[0]}', which another split has ({len(lacking)} such classes)",
                where=where,
                next="give each split the same classes: the order of classes is that of the model's outputs",
            )
