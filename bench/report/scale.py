"""Scales of drawings: where a value stands, and which round values are marked."""

from __future__ import annotations

import math
from dataclasses import dataclass

TICKS = 5


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` drawn from `start` to `end`; `log`: equal ratios take equal room, and both are positive."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands; one beyond the scale stands at its end."""
        low, high, value = (math.log(each) if self.log else each for each in (self.low, self.high, min(max(value, self.low), self.high)))
        return round(self.start + (self.end - self.start) * (value - low) / (high - low if high > low else 1), 1)

    def ticks(self) -> list[float]:
        """Round numbers on the scale."""
        if not self.log:
            step = step_of(self.high - self.low)
            return [step * number for number in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        fine = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        found = [value for value in fine if self.low <= value <= self.high]
        if len(found) > 2 * TICKS:
            return [value for value in found if math.isclose(math.log10(value) % 1, 0, abs_tol=1e-9)]
        return found if len(found) >= 3 else Scale(self.low, self.high, self.start, self.end).ticks()


def step_of(room: float) -> float:
    """The step of about five round numbers over `room`, which is positive: 1, 2 or 5 times a power of ten."""
    step: float = 10 ** math.floor(math.log10(room / TICKS))
    return next(step * factor for factor in (1, 2, 5, 10) if room / (step * factor) <= TICKS)
