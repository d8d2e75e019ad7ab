"""A subject: one backbone as trained and exported, or an ONNX file that Concord did not make."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench import results
from bench.looked import Epoch
from contract import artifact, manifest
from contract import options as shared
from contract.errors import DataError, UsageError
from contract.layout import Asked
from contract.manifest import ExportManifest, ImageEntry, TrainManifest
from contract.matrix import Cell, Matrix
from contract.options import Options
from contract.weights import started


@dataclass(frozen=True)
class Subject:
    """Verified artifacts of one backbone."""

    folder: Path
    train: TrainManifest
    export: ExportManifest
    # An ONNX file that stands for the reference, where it is no PyTorch model.
    reference: Path | None = None

    @property
    def name(self) -> str:
        """dataset/backbone."""
        return f"{self.train.dataset}/{self.train.backbone}"

    @property
    def title(self) -> str:
        """The same with the weights that it started from, for tables."""
        return started(self.name, self.train.weights.had)

    def model(self, cell_variant: str) -> Path:
        """The file that a runtime loads for a variant; `eager` is the checkpoint's manifest."""
        if cell_variant == "eager":
            return self.reference or self.folder / manifest.TRAIN
        return self.folder / next(variant.file for variant in self.export.variants if variant.name == cell_variant)

    def candidates(self, runtimes: tuple[str, ...], reference: str) -> list[str]:
        """The runtimes that are compared with the reference; its own, too, where the reference is another file."""
        return [name for name in runtimes if name != reference or self.reference is not None]

    @property
    def exported_here(self) -> bool:
        """Whether Concord made the files from the checkpoint: only then must their weights be its, to the last bit."""
        return bool(self.export.checkpoint_sha256)

    @property
    def labelled(self) -> bool:
        """Whether the data set says what its test images show (class -1: unknown)."""
        return all(entry.label >= 0 for entry in self.train.split["test"])

    def sha256(self, variant: str) -> str:
        """Hash of a variant's file, from the manifest; of `eager`, the checkpoint's or the ONNX reference's."""
        if variant == "eager":
            return self.train.files[manifest.CHECKPOINT] if self.reference is None else artifact.sha256_file(self.reference)
        return next(entry.sha256 for entry in self.export.variants if entry.name == variant)

    def model_exists(self, variant: str) -> bool:
        """Whether a variant was exported."""
        return any(entry.name == variant for entry in self.export.variants)

    def missing(self, cell: Cell) -> str | None:
        """Why a cell's variant is not there, or None."""
        if cell.variant == "eager" or self.model_exists(cell.variant):
            return None
        return next((failed.why for failed in self.export.failed if failed.name == cell.variant), "not exported")

    def batch_is_static(self, variant: str) -> bool:
        """Whether a variant serves batch 1 only."""
        return any(entry.name == variant and entry.batch == "static" for entry in self.export.variants)

    @property
    def distinct(self) -> list[ImageEntry]:
        """The test images, each content once: a copy is answered as its original is, and supports no claim."""
        return list({entry.sha256: entry for entry in self.train.split["test"]}.values())

    def held_out(self, limit: int, seed: int) -> list[ImageEntry]:
        """At most `limit` test images in a seeded order, so that any first part of them holds all classes. Raises DataError."""
        images = self.distinct
        Random(f"parity {seed}").shuffle(images)
        chosen = images[:limit]
        for entry in chosen:
            path = self.path(entry)
            if not path.is_file() or artifact.sha256_file(path) != entry.sha256:
                raise DataError(
                    "missing, or not the image that the split was made of",
                    where=str(path),
                    next="nox -s train, with the same options after --, makes a new split of what is there now",
                )
        return chosen

    def path(self, entry: ImageEntry) -> Path:
        """Absolute path of an image."""
        return self.train.images / entry.path

    def summary(self) -> results.Subject:
        """What the report says of it."""
        return results.Subject(
            dataset=self.train.dataset,
            backbone=self.train.backbone,
            config=self.train.config,
            classes=len(self.train.classes),
            weights=self.train.weights,
            recipe=str(self.train.recipe.get("name", "")),
            test=self.train.metrics.get("test"),
            notes=(*self.train.notes, *self.export.notes),
            variants=tuple(
                results.VariantSummary(
                    name=entry.name,
                    sha256=entry.sha256,
                    bytes=entry.bytes,
                    nodes=sum(entry.nodes.values()),
                    nodes_before=sum(entry.nodes_before.values()),
                    structural_hash=entry.structural_hash,
                    changed_nothing=entry.changed_nothing,
                    opset=entry.opset_got,
                )
                for entry in self.export.variants
            ),
            history=epochs(self.folder / manifest.HISTORY) if manifest.HISTORY in self.train.files else (),
            reference="PyTorch eager" if self.reference is None else f"the ONNX file {self.reference.name}",
        )


def epochs(path: Path) -> tuple[Epoch, ...]:
    """What training wrote of each epoch. Raises DataError for a table of another version."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return tuple(
            Epoch(
                number=int(row["number"]),
                phase=row["phase"],
                train_loss=_finite(row["train_loss"]),
                train_accuracy=float(row["train_accuracy"]),
                val_loss=_finite(row["val_loss"]),
                val_accuracy=float(row["val_accuracy"]),
            )
            for row in rows
        )
    except (KeyError, ValueError) as fault:
        raise DataError(f"not a history of this version: {fault!r}", where=str(path), next="nox -s train, with the same options") from fault


def _finite(text: str) -> float | None:
    return number if math.isfinite(number := float(text)) else None


def open_subject(asked: Asked, artifacts: Path) -> Subject:
    """Find and verify what train and export wrote for this. Raises DataError with the command that makes it."""
    return open_folder(asked.find(artifacts))


def only_subject(options: Options, matrix: Matrix, about: str) -> Subject:
    """The one subject that is chosen; the backbone that --quick takes, where nobody named one.

    Raises UsageError, which begins with what it is `about`, where several are chosen.
    """
    backbones = matrix.defaults.backbone
    if not options.backbone and matrix.quick is not None:
        backbones = tuple(name for name in matrix.quick.backbone if name in backbones) or backbones
    names = [(dataset, backbone) for dataset in matrix.defaults.dataset for backbone in backbones]
    if len(names) != 1:
        several = (("dataset", matrix.defaults.dataset), ("backbone", backbones))
        few = " ".join(f"--{noun} NAME" for noun, chosen in several if len(chosen) > 1)
        raise UsageError(f"{about}, and {len(names)} are chosen", next=f"add {few}")
    return open_subject(shared.asked(options, matrix, *names[0]), options.artifacts)


def open_folder(folder: Path) -> Subject:
    """Verify what train and export wrote there. Raises DataError with the command that makes it."""
    remedy = f"nox -s train export, with the same options after -- (deleting {folder} first is safe)"
    trained = manifest.read_verified(TrainManifest, folder / manifest.TRAIN, remedy)
    exported = manifest.read_verified(ExportManifest, folder / manifest.EXPORT, "nox -s export, with the same options after --")
    checkpoint = trained.files.get(manifest.CHECKPOINT)
    if exported.checkpoint_sha256 != checkpoint:
        raise DataError(
            "the ONNX files come from another checkpoint than the one beside them",
            where=str(folder),
            next="nox -s export, with the same options after --",
        )
    return Subject(folder, trained, exported)
