"""What there is to export: every chosen backbone's artifacts, and which of its variants are still current."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from contract import artifact, manifest, strict
from contract.errors import DataError, UsageError
from contract.manifest import CHECKPOINT, EXPORT, TRAIN, ExportManifest, TrainManifest, VariantFile
from contract.matrix import Matrix, Variant
from contract.options import Options, asked

OPSET = 20
TRAIN_AGAIN = "nox -s train, with the same options after --"
EXPORT_AGAIN = "nox -s export, with the same options after --"


@dataclass(frozen=True)
class Job:
    """One checkpoint, the variants that have to be made of it, and those that are kept."""

    folder: Path
    trained: TrainManifest
    inputs: str
    todo: tuple[Variant, ...]
    kept: tuple[VariantFile, ...]

    @property
    def name(self) -> str:
        """Data set/backbone."""
        return f"{self.trained.dataset}/{self.trained.backbone}"

    @property
    def checkpoint_sha256(self) -> str:
        """Hash of the checkpoint as the manifest has it; its file was checked against it."""
        return self.trained.files[CHECKPOINT]

    @property
    def lock(self) -> Path:
        """The folder that one step at a time may write to."""
        return self.folder.parent


def plan(options: Options, matrix: Matrix, source: str) -> list[Job]:
    """The jobs of a run, each with its checkpoint verified. Raises DataError before any work is done."""
    variants = [matrix.find("variant", name) for name in matrix.defaults.variant]
    if not variants:
        raise UsageError("no variant is chosen", where="export", next="name some with --variant, or in [defaults] of matrix.toml")
    return [
        _job(asked(options, matrix, dataset, backbone).find(options.artifacts), variants, source, force=options.force)
        for dataset in matrix.defaults.dataset
        for backbone in matrix.defaults.backbone
    ]


def renewed(job: Job, matrix: Matrix, source: str, *, force: bool) -> Job:
    """The job as it is now: another run may have trained or exported since it was planned. Call it with `job.lock` held."""
    return _job(job.folder, [matrix.find("variant", name) for name in matrix.defaults.variant], source, force=force)


def _job(folder: Path, variants: list[Variant], source: str, *, force: bool) -> Job:
    trained = manifest.read(TrainManifest, folder / TRAIN, TRAIN_AGAIN)
    if CHECKPOINT not in trained.files:
        raise DataError(f"lists no {CHECKPOINT}", where=str(folder / TRAIN), next=TRAIN_AGAIN)
    # Not the training state beside it: it is three times as large, and nothing here reads it.
    artifact.verify(folder, {CHECKPOINT: trained.files[CHECKPOINT]}, TRAIN_AGAIN)
    inputs = inputs_hash(trained)
    kept = () if force else _current(folder, inputs, source)
    done = {(entry.name, entry.simplify, entry.batch) for entry in kept}
    todo = tuple(variant for variant in variants if (variant.name, variant.simplify, variant.batch) not in done)
    names = {variant.name for variant in todo}
    return Job(folder, trained, inputs, todo, tuple(entry for entry in kept if entry.name not in names))


def inputs_hash(trained: TrainManifest) -> str:
    """Hash over everything that an ONNX file is made of; what a variant is stands in its own entry of export.json."""
    parts = (trained.files[CHECKPOINT], trained.classes, trained.preprocess, trained.weights, trained.task, trained.backbone, OPSET)
    return artifact.sha256_bytes(strict.dumps(parts).encode())


def _current(folder: Path, inputs: str, source: str) -> tuple[VariantFile, ...]:
    """Variants of an earlier export that nothing has touched since: same inputs, same code, same bytes."""
    path = folder / EXPORT
    if not path.is_file():
        return ()
    try:
        before = manifest.read(ExportManifest, path, EXPORT_AGAIN)
    except DataError:
        # A manifest of another version, or half of one: it proves nothing, so everything is made anew.
        return ()
    if (before.inputs, before.source) != (inputs, source):
        return ()
    return tuple(entry for entry in before.variants if _untouched(folder / entry.file, entry.sha256))


def _untouched(path: Path, expected: str) -> bool:
    return path.is_file() and artifact.sha256_file(path) == expected
