"""The search for the first cut that differs, and what counts as differing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.parity.compare import same_bits

Array = NDArray[Any]
SINGLE = float(np.finfo(np.float32).eps)


def first(places: Sequence[int], differs: Callable[[int], bool]) -> tuple[int, int]:
    """The neighbouring places between which the difference arises: nothing differs at the one, something at the other.

    It is taken as known that nothing differs at the first place and something at the last. No other assumption: whichever way the others
    turn out, the pair is one where it arises. Asks at most log2(number of places - 1), rounded up.
    """
    low, high = 0, len(places) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if differs(places[middle]):
            high = middle
        else:
            low = middle
    return places[low], places[high]


def difference(one: Array, other: Array) -> float:
    """Largest |difference|; infinite for other shapes, and where one is no number and the other is."""
    if one.shape != other.shape:
        return float("inf")
    if not one.size or same_bits(one, other):
        return 0.0
    with np.errstate(invalid="ignore"):
        gap = np.abs(one.astype(np.float64) - other.astype(np.float64))
    # inf - inf and nan - nan are no difference where both say the same.
    gap[(one == other) | (np.isnan(gap) & np.isnan(one.astype(np.float64)) & np.isnan(other.astype(np.float64)))] = 0.0
    return float(np.nan_to_num(gap, nan=np.inf, posinf=np.inf).max())


def tolerated(single: Array, exact: Array, factor: float) -> float:
    """The tolerance of a value: `factor` times its own noise, float32 against float64, which is never finer than a last place of it."""
    if not single.size:
        return 0.0
    largest = np.abs(exact.astype(np.float64)).max()
    return factor * max(difference(single, exact), SINGLE * float(largest))
