"""Pure comparison of answers: verdicts per image, and one row per variant and runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import stats
from bench.results import Check, ImageVerdict
from contract.errors import UsageError

Logits = NDArray[np.floating]
Tensors = NDArray[np.float32]
# Rows of a stored array: at most so many (second) from one on (first).
Part = Callable[[int, int], Logits]
# Images whose logits stay whole: the noise floor, other batches and timed blocks are asked on the first ones.
KEPT = 14


class NotComparable(UsageError):
    """Answers that nothing can be said of; `stage` is where they went wrong."""

    def __init__(self, stage: str, what: str) -> None:
        super().__init__(f"nothing to compare: {what}")
        self.stage = stage


@dataclass(frozen=True)
class Answers:
    """What stays of a runtime's logits, per image: of 10,000 images and 1,000 classes they are 40 MB for each variant in each runtime.

    `top`: index of the first largest logit, as in numpy and torch. `margins`: top-1 logit minus top-2, `shares`: softmax of the top-1,
    `differences`: largest absolute difference from the reference's logits, 0 for its own (float64). `digests` (images x 2, uint64): equal
    where every bit of the logits is. `finite`: whether all of them are. `first`: the logits of the first images whole.
    """

    classes: tuple[str, ...]
    width: int
    top: NDArray[np.intp]
    margins: NDArray[np.float64]
    shares: NDArray[np.float64]
    differences: NDArray[np.float64]
    digests: NDArray[np.uint64]
    finite: NDArray[np.bool_]
    first: Logits

    def __len__(self) -> int:
        return len(self.top)

    @property
    def labels(self) -> list[str]:
        """The label per image."""
        return [self.classes[index] for index in self.top]


def hear(parts: Iterable[Logits], classes: tuple[str, ...], against: Part | None = None) -> Answers:
    """Answers from logits (images x classes) that come some images at a time. `against`: the reference's; None: these are its own.

    Raises NotComparable for another number of logits than the reference's.
    """
    found: list[tuple[NDArray[Any], ...]] = []
    first: list[Logits] = []
    start = 0
    for part in parts:
        expected = part if against is None else against(start, len(part))
        if part.ndim != 2 or not part.shape[1] or part.shape != expected.shape:
            raise NotComparable("logits", f"logits of shape {part.shape}, the reference has {expected.shape}")
        if start < KEPT:
            first.append(part[: KEPT - start])
        finite = np.asarray(np.isfinite(part).all(axis=1))
        with np.errstate(invalid="ignore"):  # of what is not finite nothing is judged
            found.append((np.argmax(part, axis=1), margins(part), shares(part), differences(expected, part), digests(part), finite))
        start += len(part)
    if not found:
        raise NotComparable("logits", "no images")
    top, margin, share, difference, digest, finites = (np.concatenate(each) for each in zip(*found, strict=True))
    return Answers(classes, first[0].shape[1], top, margin, share, difference, digest, finites, np.concatenate(first))


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
    """Top-1 logit minus top-2, per image (float64); infinite where there is one logit."""
    if logits.shape[1] < 2:
        return np.full(len(logits), np.inf)
    top = np.partition(logits.astype(np.float64), -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def differences(one: Logits, other: Logits) -> NDArray[np.float64]:
    """Largest absolute logit difference per image (float64)."""
    return np.asarray(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64)), axis=1))


def shares(logits: Logits) -> NDArray[np.float64]:
    """Softmax of the largest logit, per image (float64)."""
    values = logits.astype(np.float64)
    return np.asarray(1 / np.exp(values - values.max(axis=1, keepdims=True)).sum(axis=1))


def digests(logits: Logits) -> NDArray[np.uint64]:
    """128 bits of BLAKE2b over the bytes of each image's logits and their type (images x 2)."""
    kind = logits.dtype.str.encode()
    hashed = b"".join(hashlib.blake2b(row.tobytes(), digest_size=16, person=kind).digest() for row in logits)
    return np.frombuffer(hashed, np.uint64).reshape(len(logits), 2)


def check_comparable(reference: Answers, name: str) -> None:
    """Raise UsageError (exit 2) where agreement would prove nothing: not finite, or one label for all."""
    if not reference.finite.all():
        raise UsageError("nothing to compare: the reference's logits are not finite", where=name, next="train it again")
    if len(reference.classes) != reference.width:
        raise UsageError(
            f"nothing to compare: the reference has {reference.width} logits, and {len(reference.classes)} class names",
            where=name,
            next="nox -s train, with the same options",
        )
    if len(np.unique(reference.top)) < 2:
        raise UsageError(
            f"nothing to compare: the reference gives all {len(reference)} images one label, '{reference.labels[0]}'",
            where=name,
            next="train it better (more epochs, other weights): agreement on one label proves nothing",
        )


def judge(reference: Answers, answers: Answers, tolerance: float, paths: list[str], shown: int = 8) -> Judged:
    """Verdict per image (DESIGN.md section 6), counted.

    certified: the labels agree, and the margin is above twice the tolerance. near-tie flip: they differ within that margin. flip: they
    differ beyond it. Raises UsageError when the answers are not finite or not as many as the reference's.
    """
    if len(answers) != len(reference):
        raise NotComparable("logits", f"answers for {len(answers)} images, the reference has {len(reference)}")
    if len(answers.classes) != answers.width:
        raise NotComparable("label", f"{len(answers.classes)} class names for {answers.width} logits")
    if not answers.finite.all():
        raise NotComparable("logits", f"{int((~answers.finite).sum())} images have logits that are not finite")
    margin, difference = reference.margins, answers.differences
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
    # Four bytes at once: numpy takes as long for one.
    word = np.uint32 if one.dtype.itemsize % 4 == 0 else np.uint8
    words = [np.ascontiguousarray(array).reshape(len(array), -1).view(word) for array in (one, other)]
    return np.asarray((words[0] == words[1]).all(axis=1))
