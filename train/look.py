"""`python -m train look`: what the model is shown, augmented as it is, and its five first labels before and after fine-tuning."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from contract import artifact, manifest, strict
from contract.errors import GOOD, DataError, UsageError
from contract.manifest import ImageEntry, TrainManifest
from contract.matrix import Matrix
from contract.options import Options
from contract.preprocess import PreprocessSpec
from train import device
from train.fit.augment import Transform, evaluation_transform, resized, training_transform
from train.fit.batches import Augmenting, Decoded
from train.fit.fitting import Job, parts_of
from train.fit.keys import key
from train.jobs import Planned, plan
from train.model.build import build, from_manifest
from train.model.head import head_name
from train.weights import files, names
from train.weights.choose import Source

# Validation images: the test images are looked at once, at the end of training.
IMAGES, EPOCHS, FIRST, FILE = 6, 3, 5, "look.png"
LONGEST = 34


@dataclass(frozen=True)
class Looked:
    """One image: pixels as the preset shows it and as training augments it (H x W x 3, 0 to 1), and first labels with their softmax."""

    label: str
    shown: tuple[NDArray[np.float32], ...]
    before: tuple[tuple[str, float], ...]
    after: tuple[tuple[str, float], ...]


def look(options: Options, matrix: Matrix) -> int:
    """Write look.png beside each checkpoint, and say where. Raises UsageError for what is not trained."""
    device.set_up("cpu", options.threads)
    drawn: list[Path] = []
    for item in plan(options, matrix):
        again = "nox -s train, with the same options after --"
        if not (item.folder / manifest.TRAIN).is_file():
            raise UsageError("not trained with these options", where=item.title, next=again)
        # Of an older Concord, too: the checkpoint is what is looked at.
        made = manifest.read_verified(TrainManifest, item.folder / manifest.TRAIN, again)
        with artifact.atomic_path(item.folder / FILE) as temporary:
            temporary.write_bytes(sheet(list(looked_at(item)), f"{item.title}: {made.weights.had}, {item.job.recipe.name}"))
        drawn.append(item.folder / FILE)
        if not options.output_json:
            print(drawn[-1], flush=True)
    if options.output_json:
        print(strict.pretty({"pictures": [str(each) for each in drawn]}), end="")
    return GOOD


def looked_at(item: Planned) -> Iterator[Looked]:
    """Some validation images of the job, chosen by its seed."""
    job = item.job
    entries = sorted(parts_of(job)["val"], key=lambda each: key(job.seed, "look", each.sha256, each.path))[:IMAGES]
    decoded = Decoded(job.data.root, orient=job.spec.orient)
    tensors = torch.stack([evaluation_transform(job.spec)(decoded(each.path)) for each in entries])
    _, model = from_manifest(item.folder / manifest.TRAIN)
    after = firsts(model, tensors, job.data.classes)
    before = knew(job, tensors)
    for number, entry in enumerate(entries):
        augmented = [picture(tensor, job.spec) for tensor in as_trained(job, entry, decoded)]
        shown = (picture(tensors[number], job.spec), *augmented)
        yield Looked(job.data.classes[entry.label], shown, before[number], after[number])


def as_trained(job: Job, entry: ImageEntry, decoded: Decoded) -> list[torch.Tensor]:
    """The image as some epochs of the last phase would show it: augmented, at that epoch's size; nothing where none is augmented."""
    recipe = job.recipe
    all_layers = recipe.epochs > 0 and recipe.train != "none"
    augmentation = recipe.augmentation if all_layers else recipe.head_augmentation
    if augmentation == "none":
        return []
    assert job.spec.crop is not None
    size = (recipe.train_sizes[-1] if all_layers and recipe.train_sizes else 0) or job.spec.crop.height
    made: Transform = training_transform(augmentation, resized(job.spec, size))
    images = Augmenting([entry], decoded, made, job.seed)
    return [images[epoch, 0][0] for epoch in range(1, EPOCHS + 1)]


def knew(job: Job, tensors: torch.Tensor) -> list[tuple[tuple[str, float], ...]]:
    """First labels of the weights that training started from, by their own head and names; none for random weights or without a head."""
    nothing: list[tuple[tuple[str, float], ...]] = [() for _ in tensors]
    if job.source.file is None:
        return nothing
    try:
        weight = files.read(job.source.file)[f"{head_name(build(job.backbone, job.source, len(job.data.classes), job.seed).model)}.weight"]
    except KeyError:
        return nothing
    called = job.data.classes if job.source.checkpoint else names_of(job.backbone, len(weight))
    own = Source(job.source.file, job.source.had, checkpoint=True)  # strict: every weight from the file, the head's, too
    return firsts(build(job.backbone, own, len(weight), job.seed).model, tensors, called)


def names_of(backbone: str, classes: int) -> tuple[str, ...]:
    """The class names that torchvision's weights of this size were trained with, or numbers."""
    for name in names.known(backbone):
        categories = names.entry(backbone, name).meta.get("categories", ())
        if len(categories) == classes:
            return tuple(categories)
    return tuple(f"class {number}" for number in range(classes))


@torch.no_grad()
def firsts(model: nn.Module, tensors: torch.Tensor, classes: Sequence[str]) -> list[tuple[tuple[str, float], ...]]:
    """The first five labels of each image with their softmax, one image at a time, as shipped."""
    model.eval()
    found = []
    for tensor in tensors:
        shares = torch.softmax(model(tensor[None]).double()[0], 0)
        # Stable, so that the first of equals comes first, as everywhere else.
        values, indices = torch.sort(shares, descending=True, stable=True)
        found.append(tuple((classes[index], float(share)) for share, index in zip(values[:FIRST], indices[:FIRST].tolist(), strict=True)))
    return found


def picture(tensor: torch.Tensor, spec: PreprocessSpec) -> NDArray[np.float32]:
    """Pixels of a normalised tensor (3 x H x W), between 0 and 1."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))
    return np.asarray((tensor * std + mean).clamp(0, 1).permute(1, 2, 0).contiguous().numpy(), np.float32)


def sheet(images: Sequence[Looked], title: str) -> bytes:
    """A PNG file: a row for each image. Raises DataError where there is none."""
    if not images:
        raise DataError("there are no validation images to look at", where=title, next="give the data set a larger split for validation")
    columns = max(len(each.shown) for each in images)
    figure = Figure(figsize=(2.1 * (columns + 2.5), 2.2 * len(images) + 0.6), layout="constrained")
    figure.suptitle(title, parse_math=False)
    grid = figure.subplots(len(images), columns + 1, squeeze=False, width_ratios=[1] * columns + [2.5])
    for row, each in zip(grid, images, strict=True):
        for axes in row:
            axes.axis("off")
        for number, (axes, pixels) in enumerate(zip(row, each.shown, strict=False)):
            axes.imshow(pixels)
            axes.set_title(_plain(each.label) if number == 0 else f"augmented {number}", fontsize=8, parse_math=False)
        said = [("before", each.before or (("nothing: random weights, or none for a head", 0.0),)), ("after", each.after)]
        for number, (when, top) in enumerate(said):
            lines = [f"{100 * share:5.1f} %  {_plain(name)}" if share else name for name, share in top]
            where, text = 0.5 * number, "\n".join([when, *lines])
            row[-1].text(where, 0.95, text, fontsize=8, va="top", transform=row[-1].transAxes, parse_math=False)
    file = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()


def _plain(name: str) -> str:
    """A class name as one short line of what can be printed."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
