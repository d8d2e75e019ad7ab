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
LOGS = st.lists(st.floats(-3, 3), min_size=3, max_size=12)


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


def test_percentile95_needs_130_samples_and_is_one_of_them():
    assert stats.percentile95(range(129)) is None
    assert stats.percentile95(range(1, 131)) == 124  # ceil(0.95 * 130)
    assert stats.percentile95([7] * 199 + [10**9]) == 7
    assert stats.percentile95(list(range(1, 201))[::-1]) == 190


def test_quad_by_hand():
    assert stats.quad_log_ratio(([200], [800]), ([100], [100])) == pytest.approx(math.log(4))
    assert stats.quad_log_ratio(([1, 100, 10**6], [100]), ([100], [100])) == 0  # medians of blocks
    # (100 x 200) / (300 x 400), and its root
    assert math.exp(stats.quad_log_ratio(([100], [200]), ([300], [400]))) == pytest.approx(math.sqrt(1 / 6))


@given(st.integers(10**9, 10**12), st.floats(-0.2, 0.2), st.booleans())
def test_abba_cancels_linear_drift_exactly(base, drift, outside):
    logs = [math.exp(drift * place) for place in range(4)]  # the machine gets slower from block to block
    blocks = [[round(base * factor)] for factor in logs]
    outer, inner = (blocks[0], blocks[3]), (blocks[1], blocks[2])
    assert stats.quad_log_ratio(*((outer, inner) if outside else (inner, outer))) == pytest.approx(0, abs=1e-8)


def test_ratio_interval_by_hand():
    same = stats.ratio_interval([[math.log(1.5)] * 4, [], [math.log(1.5)] * 2, [math.log(1.5)]])
    assert same is not None
    assert (same.value, same.low, same.high) == pytest.approx((1.5, 1.5, 1.5))
    # Medians 0, 0.01, 0.02: mean 0.01, sd 0.01, t(2 degrees, 97.5 %) = 4.3027, so 0.01 +- 4.3027 x 0.01 / sqrt(3).
    found = stats.ratio_interval([[-1.0, 0.0, 9.0], [0.01], [0.02, 0.02]])
    assert found is not None
    assert [math.log(each) for each in (found.value, found.low, found.high)] == pytest.approx(
        [0.01, 0.01 - 0.024841, 0.01 + 0.024841], abs=1e-6
    )
    assert stats.ratio_interval([[0.0] * 30, [0.0] * 30]) is None
    assert stats.ratio_interval([]) is None


@given(st.lists(LOGS, min_size=3, max_size=5), st.floats(0.1, 10))
def test_ratio_interval_contains_its_value_and_scales(clusters, factor):
    one = stats.ratio_interval(clusters)
    other = stats.ratio_interval([[each + math.log(factor) for each in cluster] for cluster in clusters])
    assert one is not None
    assert other is not None
    assert one.low <= one.value <= one.high
    assert (other.value, other.low, other.high) == pytest.approx((factor * one.value, factor * one.low, factor * one.high), rel=1e-9)


def test_ratio_interval_covers_where_processes_differ():
    """Between-process sd 0.3 %, within 0.5 %, one quad in ten disturbed by 5 %, four processes of 10 quads, true ratio 1.02."""
    random, covered, error = np.random.default_rng(0), [], []
    for _ in range(600):
        noise = random.normal(0, 0.005, (4, 10)) + 0.05 * (random.random((4, 10)) < 0.1) * random.choice([-1, 1], (4, 10))
        found = stats.ratio_interval((math.log(1.02) + noise + random.normal(0, 0.003, (4, 1))).tolist())
        assert found is not None
        covered.append(found.low <= 1.02 <= found.high)
        error.append(math.log(found.value / 1.02))
    assert 0.92 < np.mean(covered) < 0.98
    assert abs(np.mean(error)) < 0.0004


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.90, 0.97, "faster"),
        (0.90, 0.995, "faster"),
        (0.992, 0.998, "equivalent"),
        (0.995, 1.005, "equivalent"),
        (1.001, 1.009, "equivalent"),
        (1.001, 1.011, "slower"),
        (1.10, 1.20, "slower"),
        (0.98, 1.005, "inconclusive"),
        (0.99, 1.0, "inconclusive"),
        (0.90, 1.10, "inconclusive"),
    ],
)
def test_verdicts(low, high, said):
    assert stats.verdict(Interval((low + high) / 2, low, high), 0.01) == said


def test_no_interval_is_inconclusive():
    assert stats.verdict(None, 0.01) == "inconclusive"
