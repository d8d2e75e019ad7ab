"""`python -m train reference`: a torchvision model with weights that exist already, written as the torch-eager runner reads it.

Nothing is trained, and nothing lands in artifacts/: `bench parity --onnx … --reference torchvision:NAME` asks for it and throws it away.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from safetensors.torch import save_file

from contract import artifact, manifest, strict
from contract.errors import DataError, UsageError
from contract.layout import CHECKOUT, short_hash
from contract.manifest import CHECKPOINT, LABELS, TRAIN, TrainManifest
from contract.matrix import Backbone
from contract.preprocess import PreprocessSpec
from train import preset
from train.model.build import bare, build
from train.model.head import head_name
from train.weights import files, names
from train.weights.choose import Source, choose
from train.write import labels_json, versions


def write(asked: argparse.Namespace) -> TrainManifest:
    """Build the model strictly - every weight from the file, the head's, too - and write it. Raises UsageError and DataError."""
    if asked.weights == names.RANDOM:
        raise UsageError("random weights are nobody's model", where="--weights", next="give file:PATH, or a torchvision weights name")
    backbone = Backbone(asked.backbone, "classify", (asked.weights,), {}, preset=asked.preset)
    # Whether there is such an architecture, and how images reach it, before anything is read.
    head = head_name(bare(backbone.name, 2, pretrained=True))
    spec = spec_of(backbone, asked.spec)
    source = replace(choose(backbone, CHECKOUT / "data" / "weights", checkpoint=None, offline=False), checkpoint=True)
    classes = class_names(asked.classes, rows(source, head))
    model = build(backbone.name, source, len(classes), seed=0).model
    asked.out.mkdir(parents=True, exist_ok=True)
    with artifact.atomic_path(asked.out / CHECKPOINT) as temporary:
        save_file(model.state_dict(), temporary, metadata={"format": "pt"})
    artifact.write_text(asked.out / LABELS, labels_json(classes))
    made = TrainManifest(
        dataset="images", backbone=backbone.name, config=short_hash([backbone.name, source.had.sha256, spec]), task="classify", root="",
        classes=classes, preprocess=spec, weights=source.had, recipe={"name": "none: given weights"}, seed=0, device="cpu", metrics={},
        distinct_predictions=0, best_epoch=0, seconds=0.0, split={"test": ()}, skipped=(), notes=(), versions=versions("cpu", 1),
        source="", inputs="", files={each: artifact.sha256_file(asked.out / each) for each in (CHECKPOINT, LABELS)},
    )  # fmt: skip
    manifest.write(made, asked.out / TRAIN)
    return made


def spec_of(backbone: Backbone, file: Path | None) -> PreprocessSpec:
    """The spec in the file, else the preset's. Raises UsageError where both are given and prepare images otherwise."""
    given = None if file is None else PreprocessSpec.from_json(_text(file), str(file))
    if given is None:
        return preset.of_backbone(backbone)
    # A preset says nothing of orientation.
    if backbone.preset is not None and replace(given, orient=False) != preset.of_backbone(backbone):
        raise UsageError(f"{backbone.preset} prepares images otherwise than the spec that was given", where="--preset", next="leave it out")
    return given


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise DataError(f"cannot be read: {fault}", where=str(file), next="check the path") from fault


def rows(source: Source, head: str) -> int:
    """The number of classes of a weights file. Raises DataError when it has no head."""
    assert source.file is not None, "random weights are refused before"
    tensors = files.read(source.file)
    if f"{head}.weight" not in tensors:
        raise DataError(f"it has no head '{head}.weight', so it answers nothing", where=str(source.file), next="give a fine-tuned file")
    return len(tensors[f"{head}.weight"])


def class_names(path: Path | None, count: int) -> tuple[str, ...]:
    """The names in the file, or numbers. Raises UsageError when there are not as many as the head has rows."""
    if path is None:
        return tuple(f"class {number}" for number in range(count))
    said: tuple[str, ...] = strict.decode(cast(Any, tuple[str, ...]), strict.loads(_text(path), str(path)), str(path))
    if len(said) != count:
        raise UsageError(
            f"{len(said)} class names, and the weights have {count} classes", where=str(path), next="compare files of one task"
        )
    return said
