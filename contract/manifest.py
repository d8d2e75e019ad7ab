"""The manifests: what `train` and `export` hand on. A manifest is written last, and its files are verified before use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from contract import artifact, strict
from contract.errors import DataError
from contract.layout import CHECKOUT
from contract.preprocess import PreprocessSpec

TRAIN, EXPORT, LABELS, CHECKPOINT = "train.json", "export.json", "labels.json", "checkpoint.safetensors"
HISTORY = "history.csv"


@dataclass(frozen=True)
class ImageEntry:
    """One image of a split: path relative to the data set's root (POSIX), class index (-1: unknown), sha256 of the file."""

    path: str
    label: int
    sha256: str


@dataclass(frozen=True)
class WeightsHad:
    """The weights that training started from: asked (the list), had (one of them), sha256 of the file, licence."""

    asked: tuple[str, ...]
    had: str
    sha256: str | None
    licence: str | None
    why: str = ""


@dataclass(frozen=True)
class Accuracy:
    """Correct of total with its Wilson interval at 95 %."""

    correct: int
    total: int
    low: float
    high: float


@dataclass(frozen=True)
class TrainManifest:
    """train.json: everything that decided the checkpoint, and what came out."""

    dataset: str
    backbone: str
    config: str
    task: str
    root: str
    classes: tuple[str, ...]
    preprocess: PreprocessSpec
    weights: WeightsHad
    recipe: dict[str, object]
    seed: int
    device: str
    metrics: dict[str, Accuracy]
    distinct_predictions: int
    best_epoch: int
    seconds: float
    split: dict[str, tuple[ImageEntry, ...]]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]
    source: str
    inputs: str
    files: dict[str, str] = field(default_factory=dict)
    format: Literal[1] = 1

    @property
    def images(self) -> Path:
        """The folder that paths of the split are relative to; `root` is relative to the checkout where it lies in it."""
        return CHECKOUT / self.root


@dataclass(frozen=True)
class VariantFile:
    """One ONNX file of export.json. `max_difference`: largest |logit difference| from eager, per batch size."""

    name: str
    file: str
    sha256: str
    bytes: int
    simplify: bool
    batch: str
    opset_asked: int
    opset_got: int
    nodes: dict[str, int]
    nodes_before: dict[str, int]
    structural_hash: str
    changed_nothing: bool
    checker: str
    max_difference: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class FailedVariant:
    """A variant that could not be made, and why: its cells are holes with that reason."""

    name: str
    why: str


@dataclass(frozen=True)
class ExportManifest:
    """export.json: the variants made from one checkpoint."""

    dataset: str
    backbone: str
    config: str
    checkpoint_sha256: str
    variants: tuple[VariantFile, ...]
    failed: tuple[FailedVariant, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]
    source: str
    inputs: str
    seconds: float
    files: dict[str, str] = field(default_factory=dict)
    format: Literal[1] = 1


M = TypeVar("M", TrainManifest, ExportManifest)


def read(cls: type[M], path: Path, remedy: str) -> M:
    """Read a manifest without touching its files. Raises DataError."""
    try:
        text = path.read_bytes()
    except FileNotFoundError as fault:
        raise DataError("no such manifest", where=str(path), next=remedy) from fault
    try:
        return strict.decode(cls, strict.loads(text, str(path)), str(path))
    except strict.StrictError as fault:
        raise DataError(f"not a manifest of this version: {fault.what}", where=fault.where, next=remedy) from fault


def read_verified(cls: type[M], path: Path, remedy: str) -> M:
    """Read a manifest and check the sha256 of every file that it lists. Raises DataError."""
    manifest = read(cls, path, remedy)
    artifact.verify(path.parent, manifest.files, remedy)
    return manifest


def write(manifest: TrainManifest | ExportManifest, path: Path) -> None:
    """Write a manifest; call it after its files."""
    artifact.write_text(path, strict.pretty(manifest))
