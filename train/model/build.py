"""A backbone with weights and a head for the data set's classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model

from contract import artifact, manifest
from contract.errors import DataError
from contract.manifest import CHECKPOINT, TrainManifest
from train.model.head import head_name, head_of, outputs, replace_head
from train.weights import files, names
from train.weights.choose import Source

REMEDY = "train it again: nox -s train"
# Their auxiliary classifiers serve training on ImageNet only, and their pretrained weights expect inputs of another range.
WITH_AUXILIARY = ("googlenet", "inception_v3")
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
DRAWS = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_")


@dataclass(frozen=True)
class Built:
    """A model on the CPU, and whether its head came with the weights."""

    model: nn.Module
    head_kept: bool


def bare(backbone: str, classes: int, *, pretrained: bool) -> nn.Module:
    """The architecture with random weights from torch's generator. Raises UsageError for an unknown one."""
    names.known(backbone)
    more = {"aux_logits": False, "init_weights": False, "transform_input": pretrained} if backbone in WITH_AUXILIARY else {}
    model = get_model(backbone, weights=None, num_classes=classes, **more)
    assert isinstance(model, nn.Module)
    return model


def build(backbone: str, source: Source, classes: int, seed: int) -> Built:
    """The model that training starts with. Raises DataError when a file does not fit the architecture."""
    torch.manual_seed(seed)
    if source.file is None:
        return Built(bare(backbone, classes, pretrained=False), head_kept=False)
    tensors = {name: tensor for name, tensor in files.read(source.file).items() if not name.startswith(AUXILIARY)}
    model = bare(backbone, classes, pretrained=True)
    own_head = f"{head_name(model)}.weight"
    rows = len(tensors[own_head]) if own_head in tensors and tensors[own_head].ndim else classes
    if rows != classes:
        if source.checkpoint:
            raise DataError(
                f"its head has {rows} classes, and the data set {classes}",
                where=str(source.file),
                next="choose the data set it was trained on",
            )
        replace_head(model, rows)
    kept = rows == classes and own_head in tensors
    _put(model, tensors, head_name(model), source, backbone)
    if rows != classes:
        torch.manual_seed(seed)
        replace_head(model, classes)
    assert outputs(head_of(model)) == classes
    return Built(model, kept)


def _put(model: nn.Module, tensors: files.Tensors, head: str, source: Source, backbone: str) -> None:
    wanted = model.state_dict()
    # A backbone without a head is fine to start from, and old files lack BatchNorm's counter.
    optional = {name for name in wanted if name.endswith("num_batches_tracked") or (name.startswith(f"{head}.") and not source.checkpoint)}
    missing = [name for name in wanted if name not in tensors and name not in optional]
    unexpected = [name for name in tensors if name not in wanted]
    shapes = [
        f"{name} is {_shape(tensors[name])}, {backbone} has {_shape(wanted[name])}"
        for name in wanted
        if name in tensors and tensors[name].shape != wanted[name].shape
    ]
    if missing or unexpected or shapes:
        faults = [f"{len(missing)} keys are missing, first '{missing[0]}'" if missing else ""]
        faults += [f"{len(unexpected)} are unknown, first '{unexpected[0]}'" if unexpected else ""]
        faults += [f"{len(shapes)} have another shape, first {shapes[0]}" if shapes else ""]
        raise DataError(
            f"not weights of {backbone}: {'; '.join(fault for fault in faults if fault)}",
            where=str(source.file),
            next=f"give a file with the key names of torchvision.models.{backbone}",
        )
    model.load_state_dict({name: tensors.get(name, standing) for name, standing in wanted.items()})


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def from_manifest(path: Path) -> tuple[TrainManifest, nn.Module]:
    """The trained model that a train.json describes, on the CPU in eval mode. Raises DataError for corrupt files."""
    made = verified(path)
    return made, opened(made, path.parent / CHECKPOINT)


def verified(path: Path) -> TrainManifest:
    """A train.json whose checkpoint is the very one that was written, all finite. Raises DataError."""
    made = manifest.read(TrainManifest, path, REMEDY)
    if CHECKPOINT not in made.files:
        raise DataError(f"lists no {CHECKPOINT}", where=str(path), next=REMEDY)
    artifact.verify(path.parent, {CHECKPOINT: made.files[CHECKPOINT]}, REMEDY)
    files.read(path.parent / CHECKPOINT)
    return made


@contextmanager
def no_random_start() -> Iterator[None]:
    """Leave out the drawing of random weights, all of which a checkpoint replaces: it can take longer than reading them.

    The functions themselves are replaced: skipping only the draws inside of them leaves `trunc_normal_` in an endless search.
    """
    kept = {name: getattr(nn.init, name) for name in DRAWS}
    for name in DRAWS:
        setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(nn.init, name, function)


def opened(made: TrainManifest, checkpoint: Path) -> nn.Module:
    """The model with a verified checkpoint's weights, on the CPU in eval mode: what opening a model file is to a runtime."""
    with no_random_start():
        model = bare(made.backbone, len(made.classes), pretrained=made.weights.had != names.RANDOM)
    try:
        # Strict: a weight that the file lacks would keep whatever lay in memory.
        model.load_state_dict(files.load(checkpoint), strict=True)
    except RuntimeError as fault:
        raise DataError(
            f"does not fit {made.backbone}: {str(fault).splitlines()[-1].strip()}", where=str(checkpoint), next=REMEDY
        ) from fault
    return model.eval()
