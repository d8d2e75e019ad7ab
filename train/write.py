"""The artifacts of one training; the manifest last."""

from __future__ import annotations

import csv
import io
import json
import platform
from dataclasses import asdict, fields

import numpy as np
import PIL
import torch
import torchvision
from safetensors.torch import save_file

from contract import artifact, manifest, strict
from contract.layout import portable
from contract.manifest import CHECKPOINT, HISTORY, LABELS, TRAIN, TrainManifest
from train import device
from train.disk import full_disk_told
from train.fit import state
from train.fit.fitting import Job, Outcome, parts_of
from train.fit.state import Epoch
from train.fit.wilson import accuracy
from train.jobs import Planned
from train.weights.given import UNKNOWN

CURVES = "curves.svg"
WORDS = {"train": "training", "val": "validation", "test": "test"}
ONE_ANSWER = "nothing to compare: every test image gets the same answer"


def write(planned: Planned, outcome: Outcome) -> TrainManifest:
    """Write checkpoint, labels, history, curves and train.json; returns the manifest."""
    from train.curves import curves_svg  # noqa: PLC0415 - matplotlib takes a second

    folder, job = planned.folder, planned.job
    used = parts_of(job)
    with artifact.atomic_path(folder / CHECKPOINT) as temporary, full_disk_told():
        save_file(outcome.model, temporary, metadata={"format": "pt"})
    artifact.write_text(folder / LABELS, labels_json(job.data.classes))
    artifact.write_text(folder / HISTORY, history_csv(outcome.history))
    artifact.write_text(folder / CURVES, curves_svg(outcome.history, outcome.best_epoch, planned.title))
    names = [CHECKPOINT, LABELS, HISTORY, CURVES] + [name for name in (state.FILE, state.SUMS) if (folder / name).is_file()]
    notes = [*job.data.notes, *used_notes(job), *outcome.notes]
    notes += ([UNKNOWN] if job.source.checkpoint else []) + ([ONE_ANSWER] if outcome.test.distinct == 1 else [])
    made = TrainManifest(
        dataset=job.data.name,
        backbone=job.backbone,
        config=folder.name,
        task="classify",
        root=portable(str(job.data.root), folder),
        classes=job.data.classes,
        preprocess=job.spec,
        weights=job.source.had,
        recipe=strict.plain(job.recipe),
        seed=job.seed,
        device=job.device,
        metrics={
            "val": accuracy(outcome.val_correct, len(used["val"])),
            "test": accuracy(outcome.test.correct, outcome.test.total),
        },
        distinct_predictions=outcome.test.distinct,
        best_epoch=outcome.best_epoch,
        seconds=round(outcome.seconds, 1),
        split=job.data.parts,
        skipped=job.data.skipped,
        notes=tuple(notes),
        versions=versions(job.device, job.threads),
        source=planned.source,
        inputs=planned.inputs,
        files={name: artifact.sha256_file(folder / name) for name in names},
    )
    manifest.write(made, folder / TRAIN)
    return made


def used_notes(job: Job) -> list[str]:
    """How many images of the split were used, where it was not all of them: the manifest lists them all, for parity."""
    used, most = parts_of(job), job.recipe.images_per_class
    if most is None or used == job.data.parts:
        return []
    said = [f"{len(used[name])} of {len(job.data.parts[name])} {word}" for name, word in WORDS.items()]
    return [f"{said[0]}, {said[1]} and {said[2]} images were used: images_per_class = {most}"]


def labels_json(classes: tuple[str, ...]) -> str:
    """The label map in both directions, as people's own code expects it."""
    both = {"class_to_int": {name: number for number, name in enumerate(classes)}, "int_to_class": dict(enumerate(classes))}
    return json.dumps(both, indent=1, ensure_ascii=False) + "\n"


def history_csv(history: tuple[Epoch, ...]) -> str:
    """One row an epoch."""
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    table.writeheader()
    for row in history:
        table.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(row).items()})
    return text.getvalue()


def versions(on: str, threads: int) -> dict[str, str]:
    """What the weights were made with."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "threads": str(threads),
        "device": device.name_of(on),
    }
