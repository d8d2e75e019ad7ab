"""From logits to words: top-1, probabilities, checksum."""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LITTLE = sys.byteorder == "little"


@dataclass(frozen=True)
class Guess:
    """One class of an answer. `label` is None where the model carries no names."""

    index: int
    label: str | None
    probability: float


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities along the last axis; the largest logit is taken off first, so that none overflows."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def top(logits: NDArray[Any], count: int, labels: tuple[str, ...] | None) -> list[Guess]:
    """The likeliest classes of one image, best first; of equal ones the first class."""
    order = np.argsort(-logits, kind="stable")[:count]
    chances = softmax(logits)
    return [Guess(int(index), labels[index] if labels else None, float(chances[index])) for index in order]


def top1(logits: NDArray[Any]) -> tuple[int, ...]:
    """Index of the first largest logit per image."""
    return tuple(int(index) for index in logits.argmax(axis=-1))


def checksum(array: NDArray[Any]) -> int:
    """crc32 over an array's little-endian bytes in C order."""
    plain: Any = array
    # Logits are such bytes already. Converting them showed in the next forward, by what it left in the caches (python -m bench overhead).
    if not (LITTLE and array.dtype.isnative and array.flags.c_contiguous):
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return zlib.crc32(plain)
