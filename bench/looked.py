"""results.json: what people look at beside the numbers - training, confusions, single images. Others import these from bench.results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """One epoch of training, of its history.csv: losses (None: not finite), and accuracies as shares."""

    number: int
    phase: str
    train_loss: float | None
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float


@dataclass(frozen=True)
class Confused:
    """So many images of one class were called another, or the same."""

    truth: str
    called: str
    images: int


@dataclass(frozen=True)
class Confusion:
    """What the reference calls the compared images; `classes`: those that occur, in the order of the model's outputs."""

    dataset: str
    backbone: str
    provider: str
    classes: tuple[str, ...]
    counts: tuple[Confused, ...]


@dataclass(frozen=True)
class Said:
    """The first label of one variant in one runtime, and its softmax."""

    runtime: str
    variant: str
    label: str
    share: float


@dataclass(frozen=True)
class Sample:
    """One compared image as the model sees it: `picture` is a JPEG file in base64, `truth` the data set's label, where there is one."""

    dataset: str
    backbone: str
    provider: str
    path: str
    truth: str | None
    picture: str
    said: tuple[Said, ...]
