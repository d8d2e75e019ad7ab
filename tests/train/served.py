"""A trained model made by hand, for tests of the torch-eager runner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from contract import artifact, manifest
from contract.manifest import CHECKPOINT, TRAIN, Accuracy, TrainManifest, WeightsHad
from contract.preprocess import PreprocessSpec
from tests.train import tiny
from train.model.build import bare

CLASSES = ("BLUE", "GREEN", "RED")
SPEC = replace(tiny.SPEC, resize=replace(tiny.SPEC.resize, size=40), crop=replace(tiny.SPEC.crop, width=36, height=36))


def write_model(
    folder: Path,
    root: Path,
    backbone: str = "squeezenet1_1",
    state: dict[str, torch.Tensor] | None = None,
    spec: PreprocessSpec = SPEC,
) -> TrainManifest:
    torch.manual_seed(0)
    folder.mkdir()
    save_file(state or bare(backbone, 3, pretrained=False).state_dict(), folder / CHECKPOINT)
    made = TrainManifest(
        dataset="squares",
        backbone=backbone,
        config=folder.name,
        task="classify",
        root=str(root),
        classes=CLASSES,
        preprocess=spec,
        weights=WeightsHad(("random",), "random", None, None),
        recipe={},
        seed=0,
        device="cpu",
        metrics={"test": Accuracy(1, 1, 0.2, 1.0)},
        distinct_predictions=2,
        best_epoch=0,
        seconds=0.0,
        split={"test": ()},
        skipped=(),
        notes=(),
        versions={},
        source="",
        inputs="",
        files={CHECKPOINT: artifact.sha256_file(folder / CHECKPOINT)},
    )
    manifest.write(made, folder / TRAIN)
    return made
