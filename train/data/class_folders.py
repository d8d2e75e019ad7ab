"""`folder` data sets: one folder a class, as torchvision's ImageFolder reads them, but without following links out of the root."""

from __future__ import annotations

from pathlib import Path

from contract.errors import DataError
from contract.pictures import FORMATS
from train.data.found import Listed, below

# What ImageFolder takes as an image, less the formats that Concord refuses (PPM, PGM, TIFF).
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})


def read_set(root: Path, folders: dict[str, Path]) -> tuple[list[Listed], list[str]]:
    """All images below the class folders of each split's folder, and notes. Raises DataError for an empty class, or a missing folder."""
    listed: list[Listed] = []
    others: list[Path] = []
    for split, folder in folders.items():
        listed += read_folder(folder, root, split, others)
    first = (
        f"{len(others)} files that are not {', '.join(FORMATS)} by name were left out, such as {below(others[0], root)}" if others else ""
    )
    return listed, [first] if others else []


def read_folder(folder: Path, root: Path, split: str, others: list[Path]) -> list[Listed]:
    """Images of one folder of class folders; paths are made relative to `root`, and files that are no images added to `others`."""
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder), next="check --root, or train / val / test in matrix.toml")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise DataError("holds no class folders", where=str(folder), next="it must hold one folder of images a class")
    listed: list[Listed] = []
    for path in classes:
        images = _images(path, folder, others)
        if not images:
            raise DataError("a class folder without an image", where=str(path), next="add images, or remove the folder")
        listed += [Listed(below(image, root), path.name, split) for image in images]
    return listed


def _target(path: Path, inside: Path) -> Path:
    try:
        return path.resolve()
    except (RuntimeError, OSError):
        return inside / path.name  # a link to itself is an image that cannot be read, as a link to nothing is


def _images(class_folder: Path, home: Path, others: list[Path]) -> list[Path]:
    inside = home.resolve()
    found = []
    # rglob does not walk into linked folders, so a loop of links cannot catch it.
    for path in sorted(class_folder.rglob("*")):
        if path.is_dir() or path.name.startswith("."):
            continue
        if path.suffix.lower() not in SUFFIXES:
            others.append(path)
            continue
        if not _target(path, inside).is_relative_to(inside):
            raise DataError("a link that leaves the data set's folder", where=str(path), next="copy the image, or remove the link")
        # A link to nothing is listed, too: it is an image that cannot be read, and counts as one.
        found.append(path)
    return found
