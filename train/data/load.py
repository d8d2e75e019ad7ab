"""A data set by its matrix entry: listed, verified, split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from contract import artifact, lock, strict
from contract.errors import DataError, UsageError
from contract.layout import short_hash
from contract.manifest import ImageEntry
from contract.matrix import Dataset
from train.data import class_folders, labels_csv
from train.data.found import SPLITS, class_order
from train.data.images import verify
from train.data.split import split
from train.progress import reporter


@dataclass(frozen=True)
class LoadedSet:
    """A data set that can be trained on: every image was read, every class is in every split."""

    name: str
    root: Path
    classes: tuple[str, ...]
    parts: dict[str, tuple[ImageEntry, ...]]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """sha256 over classes, and path, label, image hash of each split: all that training sees of the set."""
        return artifact.sha256_bytes(strict.dumps({"classes": self.classes, "parts": self.parts}).encode())


def load(dataset: Dataset, data: Path, *, seed: int, skip_bad: bool, threads: int) -> LoadedSet:
    """Find, verify and split a data set. `data`: where drawn sets lie. Raises DataError naming file and line."""
    if dataset.format == "wings":
        dataset = wings(dataset, data)
    root, folders = _folders(dataset)
    if dataset.format == "csv":
        listed, notes = labels_csv.read_set(dataset, root, folders), list[str]()
    else:
        listed, notes = class_folders.read_set(root, folders)
    classes = class_order(listed, str(root))
    with reporter(dataset.name) as said:
        said.say(f"reading and checking {len(listed)} images below {root}")
        over = partial(said.over, total=len(listed), what="reading images")
        verified = verify(root, listed, skip_bad=skip_bad, threads=threads, over=over)
    made = split(verified.good, classes, dataset.split, seed)
    skipped = (f"{len(verified.bad)} unreadable images were left out",) if verified.bad else ()
    return LoadedSet(dataset.name, root.resolve(), classes, made.parts, verified.bad, (*made.notes, *notes, *skipped))


def _folders(dataset: Dataset) -> tuple[Path, dict[str, Path]]:
    """The root, and the folder of each split that came with the set ("": all of it). The root of folders elsewhere is their parent."""
    root = Path(dataset.root)
    if dataset.root and not root.is_dir():
        raise DataError(f"no such folder: data set '{dataset.name}'", where=str(root), next="add --root DIR, the folder where it lies")
    if dataset.train is None:
        return root, {"": root}
    folders = {split: (root / folder).resolve() for split in SPLITS if (folder := getattr(dataset, split)) is not None}
    if dataset.root and all(folder.is_relative_to(root.resolve()) for folder in folders.values()):
        return root.resolve(), folders
    try:
        return Path(os.path.commonpath(folders.values())), folders
    except ValueError as fault:  # two drives
        raise DataError(
            "train, val and test have no folder in common", where=f"dataset {dataset.name}", next="put them on one drive"
        ) from fault


def wings(dataset: Dataset, data: Path) -> Dataset:
    """The drawn data set as the csv set that it is on disk; drawn now if it is not there."""
    from train.data import wings as drawing  # noqa: PLC0415 - only this format needs it

    # The drawing's own source is in the name: another version draws other butterflies.
    sources = sorted(Path(__file__).parent.glob("wings*.py"))
    params = {"species": dataset.species, "per_species": dataset.per_species, "seed": 0}
    root = data / f"wings-{short_hash([params, artifact.source_hash(Path(__file__).parent, sources)])}"

    def draw(folder: Path) -> None:
        count = dataset.species * dataset.per_species
        try:
            with reporter(dataset.name) as said:
                said.say(f"drawing {dataset.species} x {dataset.per_species} images into {root}")
                drawing.draw(folder, **params, over=partial(said.over, total=count, what="drawing images"))
        except ValueError as fault:
            raise UsageError(str(fault), where=f"dataset {dataset.name}", next="correct species or per_species in matrix.toml") from fault

    if not root.is_dir():
        with lock.exclusive(data, "drawing wings", way_out="or give this run its own --data DIR"):
            artifact.sweep(data)
            if not root.is_dir():
                artifact.write_folder(root, draw)
    return Dataset(dataset.name, "csv", str(root), "train", "Training_set.csv", split=dataset.split)
