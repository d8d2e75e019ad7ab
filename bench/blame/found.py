"""What blame found, as it is stored and shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

EAGER_PROGRAM, PROGRAM_RAW, RAW_SIMPLIFIED, PYTHON_RUST = "eager -> program", "program -> raw", "raw -> simplified", "python -> rust"
PROGRAM_SIMPLIFIED = "program -> simplified"  # where no raw form was exported


@dataclass(frozen=True)
class Link:
    """One edge of the chain, compared at its end: largest |difference| of the logits on one image, None where that is no number.

    `bits`: whether every bit is owed there. `beyond`: the tolerance. `differs`: beyond it, or bits that were owed.
    """

    edge: str
    difference: float | None
    tolerance: float
    bits: bool
    beyond: bool
    differs: bool


@dataclass(frozen=True)
class WeightDiffers:
    """A tensor of a file that is not the checkpoint's."""

    name: str
    why: str


@dataclass(frozen=True)
class ModelBlame:
    """Where a variant, in a runtime, first computes something else than the reference, on one image (its index in the tensors).

    `edge`: of the chain, None where nothing differs. `node`, `op`, `value`: the first node that differs, and what it writes.
    `origin`: whether that node alone, fed with the reference's inputs, differs (made) or not (inherited: below the noise in its inputs);
    None where it could not be run alone. `difference`, `tolerance`: there (0: every bit). `nodes`: that compute from the image; `matched`:
    of them, with a value to compare. `sessions`: partial graphs of the suspect that were loaded to find the node, the node alone included.
    `reproduction`: its folder. `weights`: tensors of the file that are not the checkpoint's. `said`: all this in one sentence.
    """

    image: int
    links: tuple[Link, ...]
    edge: str | None
    node: str | None
    op: str | None
    value: str | None
    origin: Literal["made", "inherited"] | None
    difference: float | None
    tolerance: float | None
    nodes: int
    matched: int
    sessions: int
    weights: tuple[WeightDiffers, ...]
    reproduction: str | None
    said: str


def finite(number: float) -> float | None:
    """The number, or None where JSON has none for it."""
    return number if math.isfinite(number) else None
