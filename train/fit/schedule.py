"""Learning rate and image size over a phase: functions of the step and the epoch, so there is no scheduler to save."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "one-cycle", "constant"]
ONE_CYCLE_RISE, ONE_CYCLE_START = 0.3, 1 / 25
SIZE_STEP = 8


def share(schedule: Schedule, step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate at `step` of `steps`. `one-cycle` rises over its first 30 % whatever `warmup` is."""
    if schedule == "one-cycle":
        rise = ONE_CYCLE_RISE * steps
        if step < rise:
            return _cosine(ONE_CYCLE_START, 1.0, step / rise)
        return _cosine(1.0, 0.0, (step - rise) / max(1.0, steps - rise))
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 1.0 if schedule == "constant" else _cosine(1.0, 0.0, (step - rise) / max(1.0, steps - rise))


def size(sizes: tuple[int, int], epoch: int, epochs: int) -> int:
    """Pixels of training images in `epoch` (from 1) of `epochs`: evenly from the first size to the last, in steps of 8 in between."""
    first, last = sizes
    if epoch in (1, epochs):
        return last if epoch == epochs else first
    return max(SIZE_STEP, SIZE_STEP * round((first + (last - first) * (epoch - 1) / (epochs - 1)) / SIZE_STEP))


def _cosine(start: float, end: float, along: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * along)) / 2
