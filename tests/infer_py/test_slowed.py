"""The slowed runner: slower by what was asked, and otherwise the same."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest

from contract.errors import UsageError
from contract.protocol import TimeArgs
from infer_py import slowed

ASKED = TimeArgs("1", "latency", None, "x.npy", 1, 0, 1, None, split=False)


def forward(_model, _asked):
    """A model that takes 2 ms by its own clock, but for the first samples of a process."""
    seen = []

    def sample(number):
        seen.append(number)
        return 9_000_000 if len(seen) <= slowed.COLD else 2_000_000, 40 + number, ()

    return sample


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a microsecond whenever it is read."""
    reads = itertools.count(step=1000)
    monkeypatch.setattr(slowed, "perf_counter_ns", lambda: next(reads))


@pytest.mark.parametrize(("share", "longer"), [(0.5, 1_000_000), (0.01, 20_000), (0.0, 0)])
def test_every_sample_takes_so_much_longer(clock, share, longer):
    late = slowed.slower(forward, share)(None, ASKED)
    for number in range(5):
        ns, checksum, split = late(number)
        assert (checksum, split) == (40 + number, ())
        assert 0 <= ns - 2_000_000 - longer <= 3000  # what it took to see that the time is up


def test_slow_moments_do_not_lengthen_the_wait(clock):
    """Two of three calibrating forwards are slow ones: the bench takes the fast ones for the time of the program."""

    def disturbed(_model, _asked):
        numbers = itertools.count()
        return lambda _number: (2_000_000 if next(numbers) % 3 == 0 else 7_000_000, 0, ())

    ns, _, _ = slowed.slower(disturbed, 0.5)(None, ASKED)(0)
    # The twelfth forward is a slow one. By the median it would wait 3.5 ms.
    assert ns - 7_000_000 - 1_000_000 in range(3001)


def test_it_is_calibrated_once_for_each_batch(clock):
    asked = []
    slower = slowed.slower(lambda model, each: asked.append(each.batch) or forward(model, each), 0.5)
    for batch in (1, 1, 8):
        slower(None, replace(ASKED, batch=batch))(0)
    assert asked == [1, 1, 8]


def test_real_time_passes():
    late = slowed.slower(forward, 1.0)(None, ASKED)
    start = time.perf_counter_ns()
    ns, _, _ = late(0)
    assert time.perf_counter_ns() - start >= ns - 2_000_000 >= 2_000_000


@pytest.mark.parametrize("arguments", [[], ["x"], ["1", "2"]])
def test_one_number(arguments):
    with pytest.raises(UsageError, match="one number of percent is needed"):
        slowed.parse(arguments)


@pytest.mark.parametrize("percent", ["-1", "101", "nan"])
def test_a_sensible_number(percent):
    with pytest.raises(UsageError, match="is not between 0 and 100"):
        slowed.parse([percent])
    assert slowed.parse(["3"]) == 3
