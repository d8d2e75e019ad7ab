"""A torchvision backbone small enough to train in a unit test, and data sets of coloured squares."""

import csv
from functools import partial
from pathlib import Path
from typing import Optional

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models._api import Weights, WeightsEnum, register_model
from torchvision.transforms._presets import ImageClassification

from contract.matrix import Dataset, Recipe
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from train.data.load import LoadedSet, load
from train.fit.fitting import Job
from train.weights.choose import Source, WeightsHad

SPEC = PreprocessSpec(Shorter("shorter", 18), CenterCrop("center", 16, 16), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
COLOURS = {"BLUE": (40, 60, 200), "GREEN": (50, 190, 60), "RED": (200, 50, 40)}


class Tiny(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(6, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(12, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.dropout(self.body(self.stem(images)).mean((2, 3))))


class TinyWeights(WeightsEnum):
    V1 = Weights(
        url="https://example.invalid/models/concord_tiny-0123abcd.pth",
        transforms=partial(ImageClassification, crop_size=16, resize_size=18),
        meta={"num_params": 1000, "_ops": 0.0001},
    )
    DEFAULT = V1


# torchvision reads this annotation at run time, and knows Optional only.
@register_model()
def concord_tiny(*, weights: Optional[TinyWeights] = None, num_classes: int = 1000) -> Tiny:  # noqa: UP045
    assert weights is None
    return Tiny(num_classes)


def picture(label: str, number: int, size: tuple[int, int] = (26, 22)) -> Image.Image:
    noise = np.random.default_rng([len(label), number]).integers(-40, 40, (size[1], size[0], 3))
    return Image.fromarray(np.clip(noise + COLOURS[label], 0, 255).astype(np.uint8))


def write_csv_set(root: Path, per_class: int = 8) -> Path:
    (root / "train").mkdir(parents=True)
    rows = []
    for number in range(per_class):
        for label in COLOURS:
            name = f"{label}_{number}.png"
            picture(label, number).save(root / "train" / name)
            rows.append((name, label))
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "label"), *rows])
    return root


def dataset(root: Path, **changed: object) -> Dataset:
    files = {} if changed.get("format") == "folder" else {"images": "train", "labels": "labels.csv"}
    return Dataset(**{"name": "squares", "format": "csv", "root": str(root), **files, **changed})


def loaded(root: Path, per_class: int = 8) -> LoadedSet:
    write_csv_set(root, per_class)
    return load(dataset(root, split=(0.5, 0.25, 0.25)), root, seed=0, skip_bad=False, threads=1)


def job(root: Path, recipe: Recipe, **changed: object) -> Job:
    source = Source(None, WeightsHad(("random",), "random", None, None))
    plain = {"backbone": "concord_tiny", "spec": SPEC, "source": source, "recipe": recipe, "seed": 3, "device": "cpu", "threads": 1}
    return Job(**{**plain, "data": loaded(root), **changed})
