"""Diagnosis: which known fault, applied to the reference's input of a stage, gives what the candidate made, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from bench.ledger.case import Case, Guess
from bench.ledger.causes_crop import crop
from bench.ledger.causes_decode import decode, orient
from bench.ledger.causes_normalise import normalise
from bench.ledger.causes_resize import resize
from bench.ledger.found import Cause
from bench.ledger.stages import Array
from bench.ledger.tally import BLOCK

GUESSES: dict[str, Callable[[Case], Iterator[Guess]]] = {
    "decode": decode, "orient": orient, "resize": resize, "crop": crop, "normalise": normalise,
}  # fmt: skip
# A cause whose numbers were fitted to the difference must explain so much more, per point of doubt, than one that has none.
FITTED_COSTS = 0.01


@dataclass
class Trial:
    """One cause over the images so far: what it left, of how much, and where it gave every value."""

    left: float = 0.0
    base: float = 0.0
    exact: int = 0
    fitted: int = 0


@dataclass
class Diagnosis:
    """The causes of one stage, pooled over images; its size does not grow with them."""

    images: int = 0
    base: float = 0.0
    trials: dict[str, Trial] = field(default_factory=dict)

    def add(self, case: Case) -> None:
        """Try every cause on one image.

        The share is of the squared difference to the reference; where the shapes differ, of the candidate's own variance.
        """
        made, expected = case.made, case.expected
        alike = made.shape == expected.shape
        base = squares(made, expected if alike else np.broadcast_to(made.mean(axis=(0, 1)), made.shape))
        self.images += 1
        self.base += base
        tried: dict[str, tuple[float, int]] = {}
        for name, array, fitted in GUESSES[case.stage](case):
            # One name may stand for two guesses, which are the same in most images: the better one counts.
            if array.shape == made.shape and not (alike and np.array_equal(array, expected)):
                tried[name] = min(tried.get(name, (np.inf, fitted)), (squares(made, array), fitted))
        for name, (left, fitted) in tried.items():
            trial = self.trials.setdefault(name, Trial(fitted=fitted))
            trial.left, trial.base, trial.exact = trial.left + left, trial.base + base, trial.exact + (left == 0)

    def causes(self, most: int = 3) -> tuple[Cause, ...]:
        """The causes that explain most, best first; an image that a cause does not apply to counts as not explained."""
        if not self.base > 0 or not np.isfinite(self.base):
            return ()
        shares = {name: (trial.base - trial.left) / self.base for name, trial in self.trials.items()}
        ranked = sorted(shares, key=lambda name: -shares[name] + FITTED_COSTS * self.trials[name].fitted)
        # Behind a cause that needs no fit a fitted one says nothing: it follows any difference.
        kept = [name for place, name in enumerate(ranked) if place == 0 or not self.trials[name].fitted]
        return tuple(Cause(name, shares[name], self.trials[name].exact, self.images) for name in kept[:most] if shares[name] > 0)


def squares(one: Array, other: Array) -> float:
    """Sum of squared differences of two arrays of one shape."""
    step = max(1, BLOCK // max(1, one[:1].size))
    total = 0.0
    for start in range(0, len(one), step):
        # float32 is enough: shares are compared to a percent, and equal values are equal in any type.
        apart = np.subtract(one[start : start + step], other[start : start + step], dtype=np.float32).ravel()
        total += float(np.vdot(apart, apart))
    return total
