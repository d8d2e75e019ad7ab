"""The runner protocol's messages of `predict` and `stages`. Others import them from contract.protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contract import strict

Stage = Literal["decode", "orient", "resize", "crop", "normalise"]
# In the order in which an image goes through them; logits follow.
STAGES: tuple[Stage, ...] = ("decode", "orient", "resize", "crop", "normalise")


@dataclass(frozen=True)
class PredictArgs:
    """Answer for images or for a ready tensor (.npy), `batch` at a time; the arrays go to `out` (.npz)."""

    id: str
    images: tuple[str, ...] | None
    tensor: str | None
    batch: int
    outputs: tuple[str, ...]
    out: str

    def __post_init__(self) -> None:
        if (self.images is None) == (self.tensor is None):
            raise strict.StrictError("exactly one of images and tensor is needed")
        if len(set(self.outputs)) < len(self.outputs):
            raise strict.StrictError(f"an output is asked for twice: {', '.join(self.outputs)}")
        strict.at_least(1, batch=self.batch)


@dataclass(frozen=True)
class ArrayInfo:
    """Shape and dtype of a named array in an .npz file."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Predicted:
    """Named arrays; `top1` only where an output is called logits; one crc32 per forward."""

    arrays: dict[str, ArrayInfo]
    top1: tuple[int, ...] | None
    crc32: tuple[int, ...]


@dataclass(frozen=True)
class StageStart:
    """One stage's array from a .npy file instead of the runner's own: uint8 H x W x 3, for `normalise` float32 3 x H x W."""

    stage: Stage
    array: str


@dataclass(frozen=True)
class StagesArgs:
    """Every stage's array of one image, or those from `start` on, the given array first; they go to `out` (.npz)."""

    id: str
    image: str
    start: StageStart | None
    out: str


@dataclass(frozen=True)
class Staged:
    """Arrays of STAGES and logits, and the answer; `orientation` is what the file's EXIF data state (1 to 8), applied or not.

    It is None where they state none, and where a `start` was given.
    """

    arrays: dict[str, ArrayInfo]
    top1: int
    label: str | None
    orientation: int | None

    def __post_init__(self) -> None:
        if self.orientation is not None and not 1 <= self.orientation <= 8:
            raise strict.StrictError(f"orientation must be from 1 to 8, got {self.orientation}")
