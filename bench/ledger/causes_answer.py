"""Known faults behind the tensor: logits in another order or form, an index that is off, class names in another order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import beta

from bench.ledger.found import Cause

Logits = NDArray[np.float64]
# Pairs of a permutation that are printed.
SHOWN = 6
# A fit is named only where it would explain as much of mere noise less often than so.
CHANCE = 0.01
# Of many columns some order comes close to anything: another order is named where it explains all but this share.
UNORDERED = 0.01


class LogitGuess(NamedTuple):
    """A known fault applied to the reference's logits; `fitted`: how many numbers were fitted to what came out."""

    name: str
    logits: Logits
    fitted: int = 0


def logits(expected: Logits, made: Logits, tolerance: float) -> tuple[Cause, ...]:
    """What the candidate's logits are made of the reference's (both images x classes, same tensor), best first."""
    if made.shape != expected.shape or not np.isfinite(made).all():
        return ()
    base = float(np.sum((made - expected) ** 2))
    found = []
    for name, guess, fitted in logit_guesses(expected, made):
        apart = made - guess
        left = float(np.sum(apart**2)) / base
        # Of noise a fit leaves a share that is distributed like this.
        if not fitted or beta.cdf(left, (made.size - fitted) / 2, fitted / 2) < CHANCE:
            found.append(Cause(name, 1 - left, int(np.sum(np.abs(apart).max(axis=1) <= tolerance)), len(made)))
    return tuple(sorted(found, key=lambda cause: -cause.explained))


def logit_guesses(expected: Logits, made: Logits) -> Iterator[LogitGuess]:
    """Each known fault applied to the reference's logits; those with fitted numbers last."""
    raised = np.exp(expected - expected.max(axis=1, keepdims=True))
    softmax = raised / raised.sum(axis=1, keepdims=True)
    yield LogitGuess("softmax applied", softmax)
    yield LogitGuess("log-softmax applied", np.log(np.maximum(softmax, np.finfo(np.float32).tiny)))
    yield LogitGuess("sigmoid applied", 1 / (1 + np.exp(-np.clip(expected, -500, 500))))
    yield LogitGuess("the signs turned", -expected)
    # Over several images only one order of columns fits; with one image or equal columns any of them does.
    if len(made) > 1:
        # Squared distances of columns, without an array of images x classes x classes.
        cost = np.sum(made**2, axis=0)[:, None] + np.sum(expected**2, axis=0) - 2 * made.T @ expected
        order = linear_sum_assignment(cost)[1]
        moved = np.sum((made - expected[:, order]) ** 2) <= UNORDERED * np.sum((made - expected) ** 2)
        if moved and (order != np.arange(len(order))).any():
            pairs = _pairs([str(at) for at in range(len(order))], [str(at) for at in order])
            yield LogitGuess(f"columns in another order: {pairs}", expected[:, order])
    apart, (images, classes) = made - expected, made.shape
    yield LogitGuess("a constant added to all logits of an image", expected + apart.mean(axis=1, keepdims=True), images)
    yield LogitGuess("another bias for each class", expected + apart.mean(axis=0, keepdims=True), classes)
    slope = float(np.sum(made * expected) / max(np.sum(expected**2), np.finfo(float).tiny))
    yield LogitGuess(f"all logits times {slope:.4g}", expected * slope, 1)


def index(expected: Sequence[int], made: Sequence[int]) -> tuple[Cause, ...]:
    """What top-1 is instead of the index of the largest logit: off by a number, if this is seen from two indices."""
    apart = [ours - theirs for theirs, ours in zip(expected, made, strict=True)]
    most = max(set(apart), key=apart.count)
    if len({theirs for theirs, by in zip(expected, apart, strict=True) if by == most}) < 2:
        return ()
    return (Cause(f"index off by {most:+d}", apart.count(most) / len(apart), apart.count(most), len(apart)),)


def names(expected: Sequence[str], made: Sequence[str | None], listed: Sequence[str] | None, theirs: Sequence[str]) -> tuple[Cause, ...]:
    """Why labels differ: `expected` and `made` per image, `listed` the candidate's class names in order, `theirs` the reference's."""
    count = len(made)
    if listed is not None and list(listed) != list(theirs):
        if sorted(listed) != sorted(theirs):
            missing = [name for name in theirs if name not in listed]
            return (Cause(f"other class names: {len(listed)}, and {len(missing)} of the {len(theirs)} are not there", 1.0, count, count),)
        order = _order_name(listed, theirs)
        return (Cause(f"class names in another order{order}: {_pairs(theirs, listed)}", 1.0, count, count),)
    confusion = dict(zip(expected, made, strict=True))
    consistent = all(confusion[name] == said for name, said in zip(expected, made, strict=True))
    # One name that is wrong is no permutation yet, and neither are names that nobody knows.
    if consistent and 1 < len(confusion) == len(set(confusion.values())) and set(confusion.values()) <= set(theirs):
        pairs = _pairs(list(confusion), [str(name) for name in confusion.values()])
        return (Cause(f"labels permuted: {pairs}", 1.0, count, count),)
    return ()


def _order_name(listed: Sequence[str], theirs: Sequence[str]) -> str:
    orders = {
        "sorted as text": sorted(theirs),
        "sorted by the numbers in them": sorted(theirs, key=_natural),
        "sorted without regard to case": sorted(theirs, key=str.lower),
        "reversed": list(theirs)[::-1],
    }
    return next((f" ({name})" for name, order in orders.items() if order == list(listed)), "")


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _pairs(before: Sequence[str], after: Sequence[str]) -> str:
    moved = [f"{one} -> {other}" for one, other in zip(before, after, strict=True) if one != other]
    return ", ".join(moved[:SHOWN]) + (f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else "")
