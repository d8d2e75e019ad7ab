"""Pure comparison of answers: verdicts per image, and one row per variant and runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import stats
from bench.results import Check, ImageVerdict
from contract.errors import UsageError

Logits = NDArray[np.floating]
Tensors = NDArray[np.float32]


class NotComparable(UsageError):
    """Answers that nothing can be said of; `stage` is where they went wrong."""

    def __init__(self, stage: str, what: str) -> None:
        super().__init__(f"nothing to compare: {what}")
        self.stage = stage


@dataclass(frozen=True)
class Answers:
    """What one runtime said: logits (images x classes, float32) and the class names it knows."""

    logits: Logits
    classes: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """The label per image: the first largest logit wins, as in numpy and torch."""
        return [self.classes[index] for index in np.argmax(self.logits, axis=1)]


@dataclass(frozen=True)
class Problem:
    """What a check of the gate found wrong."""

    check: Check
    said: str


@dataclass(frozen=True)
class Judged:
    """Verdicts of one variant in one runtime, counted."""

    certified: int
    agree: int
    near_tie_flips: int
    flips: int
    beyond_tolerance: int
    max_difference: float
    bound: float
    shown: tuple[ImageVerdict, ...]


def margins(logits: Logits) -> NDArray[np.float64]:
    """Top-1 logit minus top-2, per image (float64)."""
    top = np.partition(logits.astype(np.float64), -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def differences(one: Logits, other: Logits) -> NDArray[np.float64]:
    """Largest absolute logit difference per image (float64)."""
    return np.asarray(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64)), axis=1))


def check_comparable(reference: Answers, name: str) -> None:
    """Raise UsageError (exit 2) where agreement would prove nothing: no images, not finite, or one label for all."""
    if not len(reference.logits):
        raise UsageError("nothing to compare: no images", where=name)
    if not np.isfinite(reference.logits).all():
        raise UsageError("nothing to compare: the reference's logits are not finite", where=name, next="train it again")
    if len(reference.classes) != reference.logits.shape[1]:
        raise UsageError(
            f"nothing to compare: the reference has {reference.logits.shape[1]} logits, and {len(reference.classes)} class names",
            where=name,
        )
    if reference.logits.shape[1] < 2 or len(set(reference.labels)) < 2:
        raise UsageError(
            f"nothing to compare: the reference gives all {len(reference.logits)} images one label, '{reference.labels[0]}'",
            where=name,
            next="train it better (more epochs, other weights): agreement on one label proves nothing",
        )


def judge(reference: Answers, answers: Answers, tolerance: float, paths: list[str], shown: int = 8) -> Judged:
    """Verdict per image (DESIGN.md section 6), counted.

    certified: the labels agree, and the margin is above twice the tolerance. near-tie flip: they differ within that margin. flip: they
    differ beyond it. Raises UsageError when the answers are not finite or not as many as the reference's.
    """
    if answers.logits.shape != reference.logits.shape:
        raise NotComparable("logits", f"logits of shape {answers.logits.shape}, the reference has {reference.logits.shape}")
    if len(answers.classes) != answers.logits.shape[1]:
        raise NotComparable("label", f"{len(answers.classes)} class names for {answers.logits.shape[1]} logits")
    if not np.isfinite(answers.logits).all():
        raise NotComparable("logits", f"{int((~np.isfinite(answers.logits)).any(axis=1).sum())} images have logits that are not finite")
    margin, difference = margins(reference.logits), differences(reference.logits, answers.logits)
    labels, expected = answers.labels, reference.labels
    same = np.array([ours == theirs for ours, theirs in zip(labels, expected, strict=True)])
    wide = margin > 2 * tolerance
    flips = ~same & wide
    differing = int((~same).sum())
    images = [
        ImageVerdict(
            paths[index],
            "flip" if flips[index] else "near-tie flip",
            expected[index],
            labels[index],
            float(margin[index]),
            float(difference[index]),
        )
        for index in np.flatnonzero(~same)[:shown]
    ]
    return Judged(
        certified=int((same & wide).sum()),
        agree=int((same & ~wide).sum()),
        near_tie_flips=differing - int(flips.sum()),
        flips=int(flips.sum()),
        beyond_tolerance=int((difference > tolerance).sum()),
        max_difference=float(difference.max()),
        bound=stats.share_bound(differing, len(same)),
        shown=tuple(images),
    )


def same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are equal to the last bit, shape and type included (so -0.0 differs from 0.0, and NaN equals the same NaN)."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def equal_images(one: NDArray[np.generic], other: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Per image, whether two arrays are equal to the last bit, as in `same_bits`."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.zeros(len(one), dtype=np.bool_)
    words = [np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1) for array in (one, other)]
    return np.asarray((words[0] == words[1]).all(axis=1))
