"""`folder` data sets: one folder a class, as torchvision's ImageFolder reads them, but without following links out of the root."""

from __future__ import annotations

from pathlib import Path

from contract.errors import DataError
from contract.matrix import Dataset
from train.data.found import SPLITS, Listed

# What ImageFolder takes as an image, less the formats that Concord refuses (PPM, PGM, TIFF).
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})


def read_set(dataset: Dataset, root: Path) -> list[Listed]:
    """All images below the class folders. Raises DataError for an empty class, or a missing folder."""
    if dataset.train is None:
        return read_folder(root, root, "")
    listed: list[Listed] = []
    for split in SPLITS:
        folder = getattr(dataset, split)
        if folder is not None:
            listed += read_folder(root / folder, root, split)
    return listed


def read_folder(folder: Path, root: Path, split: str) -> list[Listed]:
    """Images of one folder of class folders; paths are made relative to `root`."""
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder), next="check --root, or train / val / test in matrix.toml")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise DataError("holds no class folders", where=str(folder), next="it must hold one folder of images a class")
    listed: list[Listed] = []
    for path in classes:
        images = _images(path, folder)
        if not images:
            raise DataError("a class folder without an image", where=str(path), next="add images, or remove the folder")
        listed += [Listed(image.relative_to(root).as_posix(), path.name, split) for image in images]
    return listed


def _images(class_folder: Path, home: Path) -> list[Path]:
    inside = home.resolve()
    found = []
    # rglob does not walk into linked folders, so a loop of links cannot catch it.
    for path in sorted(class_folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if not path.resolve().is_relative_to(inside):
            raise DataError("a link that leaves the data set's folder", where=str(path), next="copy the image, or remove the link")
        found.append(path)
    return found
