"""Statistics against numbers worked out by hand or taken from tables, and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import stats
from bench.results import Interval

TIMES = st.lists(st.integers(1, 10**12), min_size=6, max_size=60)


def test_share_bound_is_exact():
    for images in (1, 59, 299, 300):  # nothing differs: the bound solves (1 - p)^n = 0.05
        assert stats.share_bound(0, images) == pytest.approx(1 - 0.05 ** (1 / images), rel=1e-9)
    assert stats.share_bound(0, 299) < 0.01 < stats.share_bound(0, 298)
    assert f"{stats.share_bound(0, 300):.4f}" == "0.0099"
    # One of two differs: P(X <= 1) = 1 - p^2 = 0.05.
    assert stats.share_bound(1, 2) == pytest.approx(math.sqrt(0.95), rel=1e-9)
    assert stats.share_bound(7, 7) == 1.0
    with pytest.raises(ValueError, match="n"):
        stats.share_bound(0, 0)


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(5, 10, 0.2366, 0.7634), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (90, 100, 0.8256, 0.9448)],
)
def test_wilson(correct, total, low, high):
    found = stats.wilson(correct, total)
    assert (found.correct, found.total) == (correct, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(("count", "lowest", "highest"), [(6, 1, 6), (9, 2, 8), (10, 2, 9), (20, 6, 15), (25, 8, 18), (100, 40, 61)])
def test_median_interval_has_the_ranks_of_the_tables(count, lowest, highest):
    samples = np.random.default_rng(count).permutation(np.arange(1, count + 1))
    assert stats.median_interval(samples) == Interval((count + 1) / 2, lowest, highest)


@pytest.mark.parametrize("count", range(6))
def test_no_median_interval_below_six_samples(count):
    assert stats.median_interval([1.0] * count) is None


@pytest.mark.parametrize("count", [6, 13, 40])
def test_median_interval_covers_at_least_95_percent(count):
    drawn = np.random.default_rng(count).lognormal(size=(1200, count))
    found = [stats.median_interval(row) for row in drawn]
    covered = np.mean([each is not None and each.low <= 1 <= each.high for each in found])
    assert 0.935 < covered < 0.99  # 1,200 draws: two standard errors are 1.2 points


@given(TIMES, st.integers(1, 1000))
def test_median_interval_contains_the_median_and_scales(samples, factor):
    one, other = stats.median_interval(samples), stats.median_interval([sample * factor for sample in samples])
    assert one is not None
    assert one.low <= one.value <= one.high
    assert other is not None
    assert [other.value, other.low, other.high] == pytest.approx([factor * one.value, factor * one.low, factor * one.high], rel=1e-12)


@pytest.mark.parametrize(("percent", "least"), [(90, 64), (95, 130), (99, 662)])
def test_a_percentile_needs_enough_samples_and_is_one_of_them(percent, least):
    assert stats.percentile(range(least - 1), percent) is None
    assert stats.percentile(range(1, least + 1), percent) == math.ceil(percent / 100 * least)
    assert stats.percentile(list(range(1, 1001))[::-1], percent) == 10 * percent


def test_a_percentile_by_hand():
    assert stats.percentile(range(1, 131), 95) == 124  # ceil(0.95 * 130)
    assert stats.percentile([7] * 199 + [10**9], 95) == 7
