"""The model files of a run, kept in its folder: a later run measures them side by side with its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.subject import Subject
from contract import artifact, strict

FOLDER, INDEX = "models", "models.json"
FORMAT = 1


@dataclass(frozen=True)
class KeptFile:
    """One ONNX file. `program`: hash of its graph without its weights, or of the whole file where nobody made one."""

    dataset: str
    backbone: str
    variant: str
    sha256: str
    program: str

    @property
    def name(self) -> str:
        """Its name in the folder: equal files are kept once."""
        return f"{self.sha256[:16]}.onnx"


@dataclass(frozen=True)
class Index:
    """models.json: what was kept, and the CPU that the run's times were taken on."""

    run: str
    cpu_flags: tuple[str, ...]
    files: tuple[KeptFile, ...]
    format: int = FORMAT


def of_subjects(subjects: Iterable[Subject]) -> list[tuple[KeptFile, Path]]:
    """Every exported file of these subjects."""
    return [
        (KeptFile(subject.train.dataset, subject.train.backbone, each.name, each.sha256, each.structural_hash), subject.model(each.name))
        for subject in subjects
        for each in subject.export.variants
    ]


def keep(files: Sequence[tuple[KeptFile, Path]], cpu_flags: tuple[str, ...], folder: Path) -> None:
    """Put these files into the run's folder, its index last. Raises EnvironmentFault when the disk is full, or too small for them.

    They are hard links, which cost no space until the originals are made anew; where the file system has none, copies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = folder.stat().st_dev
    copied = sum(each.st_size for each in (path.stat() for _, path in files) if each.st_dev != device)
    artifact.need_disk(folder.parent, copied, "free some space, or point --reports at another disk")
    for file, path in files:
        into = folder / FOLDER / file.name
        if not into.is_file():
            with artifact.atomic_path(into) as temporary:
                link(path, temporary)
    index = Index(folder.name, cpu_flags, tuple(file for file, _ in files))
    artifact.write_text(folder / FOLDER / INDEX, strict.pretty(index))


def link(path: Path, to: Path) -> None:
    """A second name for a file, or a copy where there can be none: another disk, or no such thing on this one."""
    try:
        os.link(path, to)
    except OSError:
        shutil.copyfile(path, to)
