"""The kernel's clocks side by side: a machine that slept, or whose clock was made to run faster or slower, measured nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

NAMES = ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME")
# A reading is the tightest of so many: somebody may take the core away in the middle of one.
TRIES = 5
# Nothing falls asleep and wakes up in less.
LEAST_ASLEEP_NS = 100_000_000
# The kernel corrects a clock's rate by at most 500 ppm, and a single offset by 500 ppm more (adjtimex(2)). What goes beyond both is a
# clock that is made to catch up, and its samples are as much too long or too short.
MOST_SLEWED = 0.001


@dataclass(frozen=True)
class Clocks:
    """Nanoseconds. `monotonic`: what samples are taken by; `raw`: the same, uncorrected; `boot`: the same, and goes on while asleep.

    `grain`: so long took the reading of all three. Zeros where the system has no such clocks.
    """

    monotonic: int = 0
    raw: int = 0
    boot: int = 0
    grain: int = 0


def read(now: Callable[[int], int] = time.clock_gettime_ns) -> Clocks:
    """The clocks now; zeros where the system lacks one (clock_gettime(2): all three are Linux's alone)."""
    if not all(hasattr(time, name) for name in NAMES):
        return Clocks()
    return min((_once(now) for _ in range(TRIES)), key=lambda clocks: clocks.grain)


def _once(now: Callable[[int], int]) -> Clocks:
    monotonic, raw, boot = (getattr(time, name) for name in NAMES)
    start, uncorrected, since_boot = now(monotonic), now(raw), now(boot)
    return Clocks(start, uncorrected, since_boot, now(monotonic) - start)


def cause(before: Clocks, after: Clocks) -> str | None:
    """Why what was measured between two readings does not count, or None."""
    passed, uncorrected = after.monotonic - before.monotonic, after.raw - before.raw
    if after.boot - before.boot - passed >= LEAST_ASLEEP_NS:
        return "the machine was suspended"
    if abs(passed - uncorrected) > MOST_SLEWED * uncorrected + before.grain + after.grain:
        return f"the clock was slewed by more than {MOST_SLEWED:.1%}"
    return None
