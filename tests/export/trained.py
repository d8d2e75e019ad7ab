"""Artifacts as `train` leaves them, without training: random weights with a manifest, and a few drawn images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from contract import artifact, manifest, options
from contract.manifest import CHECKPOINT, TRAIN, Accuracy, ImageEntry, TrainManifest, WeightsHad
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from train.model.build import bare

CLASSES = ("ADONIS", "QUEEN ALEXANDRA'S BIRDWING", "Ω — “ORACLE”\u202e\x1b[31m", "ZEBRA LONG WING")
SPEC = PreprocessSpec(Shorter("shorter", 232), CenterCrop("center", 224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def draw(folder: Path, count: int = 5) -> tuple[ImageEntry, ...]:
    """Images of odd sizes, upright and wide."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(7)
    entries = []
    for number in range(count):
        height, width = (300 + 17 * number, 250) if number % 2 else (241, 260 + 31 * number)
        small = noise.integers(0, 256, (12, 15, 3), dtype=np.uint8)
        path = folder / f"{number}.jpg"
        Image.fromarray(small).resize((width, height)).save(path)
        entries.append(ImageEntry(path.name, number % len(CLASSES), artifact.sha256_file(path)))
    return tuple(entries)


def write(
    folder: Path, backbone: str, model: torch.nn.Module, images: Path, *, dataset: str = "wings", classes: tuple[str, ...] = CLASSES
) -> TrainManifest:
    """checkpoint.safetensors and train.json in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / CHECKPOINT)
    made = TrainManifest(
        dataset=dataset,
        backbone=backbone,
        config=folder.name,
        task="classify",
        root=str(images),
        classes=classes,
        preprocess=SPEC,
        weights=WeightsHad(("random",), "random", None, None),
        recipe={"name": "none"},
        seed=0,
        device="cpu",
        metrics={"test": Accuracy(1, 4, 0.1, 0.7)},
        distinct_predictions=2,
        best_epoch=0,
        seconds=0.0,
        split={"train": (), "val": (), "test": draw(images)},
        skipped=(),
        notes=(),
        versions={},
        source="0" * 64,
        inputs="0" * 64,
        files={CHECKPOINT: artifact.sha256_file(folder / CHECKPOINT)},
    )
    manifest.write(made, folder / TRAIN)
    return made


def backbones(artifacts: Path, *names: str, matrix_file: Path | None = None) -> list[str]:
    """Artifacts of torchvision backbones with random weights, found by the options that are returned."""
    argv = ["--artifacts", str(artifacts), "--dataset", "wings", "--backbone", *names]
    argv += ["--matrix", str(matrix_file)] if matrix_file else []
    asked, _ = options.parse(options.parser("test", ""), argv)
    matrix = options.select(asked)
    for name in names:
        torch.manual_seed(0)
        wanted = options.asked(asked, matrix, "wings", name)
        model = calibrated(bare(name, len(CLASSES), pretrained=False))
        write(wanted.folder(artifacts) / "0123abcd", name, model, artifacts / "images")
        wanted.point_to(artifacts, "0123abcd")
    return argv


def calibrated(model: torch.nn.Module) -> torch.nn.Module:
    """Give random weights sensible BatchNorm statistics: without them a deep network's answers overflow or fall together."""
    model.train()
    with torch.no_grad():
        model(torch.randn(2, 3, 64, 64))
    return model.eval()


if __name__ == "__main__":
    import sys

    print(" ".join(backbones(Path(sys.argv[1]), *sys.argv[2:])))
