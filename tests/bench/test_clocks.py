"""Clocks side by side, by hand."""

from __future__ import annotations

import sys
import time

import pytest

from bench.measure import clocks
from bench.measure.clocks import Clocks

SECOND = 1_000_000_000
START = Clocks(100 * SECOND, 99 * SECOND, 107 * SECOND, 200)


def later(*, monotonic: int = SECOND, raw: int = SECOND, boot: int = SECOND, grain: int = 300) -> Clocks:
    return Clocks(START.monotonic + monotonic, START.raw + raw, START.boot + boot, grain)


@pytest.mark.parametrize(
    ("after", "cause"),
    [
        (later(), None),
        # Asleep: boot time goes on. A reading that was interrupted for 99 ms looks alike, and is none.
        (later(boot=SECOND + 99_999_999), None),
        (later(boot=SECOND + 100_000_000), "the machine was suspended"),
        (later(boot=9 * SECOND), "the machine was suspended"),
        # 0.1 % of a second is a million nanoseconds, and both readings together took 500.
        (later(monotonic=SECOND + 1_000_500, boot=SECOND + 1_000_500), None),
        (later(monotonic=SECOND + 1_000_501, boot=SECOND + 1_000_501), "the clock was slewed by more than 0.1%"),
        (later(monotonic=SECOND - 1_000_501, boot=SECOND - 1_000_501), "the clock was slewed by more than 0.1%"),
        # What the kernel does every day: 500 ppm.
        (later(monotonic=SECOND + 500_000, boot=SECOND + 500_000), None),
        # A reading in which the core was taken away proves nothing.
        (later(monotonic=SECOND + 5_000_000, boot=SECOND + 5_000_000, grain=4_000_000), None),
    ],
)
def test_causes(after, cause):
    assert clocks.cause(START, after) == cause


def test_a_system_without_such_clocks_says_nothing(monkeypatch):
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert clocks.read() == Clocks()
    assert clocks.cause(Clocks(), Clocks()) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the clocks are Linux's")
def test_a_reading_is_the_tightest_of_several():
    # Four readings a try; in the first and the last two tries somebody takes the core away for a while.
    steps = [0, 10, 20, 9000, 10_000, 10_010, 10_020, 10_040, 20_000, 20_010, 20_020, 20_030, 30_000, 1, 2, 40_000, 50_000, 3, 4, 60_000]
    assert clocks.read(lambda _clock: steps.pop(0)) == Clocks(20_000, 20_010, 20_020, 30)
    assert steps == []


@pytest.mark.skipif(sys.platform != "linux", reason="the clocks are Linux's")
def test_the_real_ones_agree():
    before = clocks.read()
    after = clocks.read()
    assert before.grain > 0
    assert after.monotonic >= before.monotonic > 0
    assert after.boot - after.monotonic == pytest.approx(before.boot - before.monotonic, abs=clocks.LEAST_ASLEEP_NS)
