"""Ratios of times: against numbers worked out by hand or taken from tables, and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import ratios
from bench.ratios import Evidence

LOGS = st.lists(st.floats(-3, 3), min_size=3, max_size=12)
P_VALUES = st.lists(st.floats(0, 1), max_size=20)


def test_evidence_is_over_processes():
    found = ratios.evidence([0.0, 0.01, 0.02])
    assert found is not None
    assert (found.centre, found.sd, found.processes) == (pytest.approx(0.01), pytest.approx(0.01), 3)
    assert ratios.evidence([0.0, 0.0]) is None
    assert ratios.evidence([]) is None


def test_interval_by_hand():
    # sd 0.01 of 3 processes, t(2 degrees, 97.5 %) = 4.3027: 0.01 +- 4.3027 x 0.01 / sqrt(3).
    found = ratios.interval(Evidence(0.01, 0.01, 3))
    assert found is not None
    assert [math.log(each) for each in (found.value, found.low, found.high)] == pytest.approx([0.01, -0.014841, 0.034841], abs=1e-6)
    assert ratios.interval(None) is None
    half = ratios.interval(Evidence(0.01, 0.01, 3), share=0.5)
    assert half is not None
    assert math.log(half.high) == pytest.approx(0.01 + 6.2053 * 0.01 / math.sqrt(3), abs=1e-6)  # t(2, 98.75 %)


@given(LOGS, st.floats(0.1, 10))
def test_an_interval_contains_its_value_and_scales(logs, factor):
    one = ratios.interval(ratios.evidence(logs))
    other = ratios.interval(ratios.evidence([each + math.log(factor) for each in logs]))
    assert one is not None
    assert other is not None
    assert one.low <= one.value <= one.high
    assert (other.value, other.low, other.high) == pytest.approx((factor * one.value, factor * one.low, factor * one.high), rel=1e-9)


def test_p_by_hand():
    # t = 2 with 4 degrees of freedom: two-sided p = 0.1161 (tables).
    assert ratios.p_value(Evidence(2.0, math.sqrt(5), 5)) == pytest.approx(0.11612, abs=1e-5)
    assert ratios.p_value(Evidence(2.0, math.sqrt(5), 5), share=0.5) == pytest.approx(0.23223, abs=1e-5)
    assert ratios.p_value(Evidence(2.0, math.sqrt(5), 5), share=0.1) == 1.0
    assert ratios.p_value(None) == 1.0
    assert ratios.p_value(Evidence(0.0, 0.0, 3)) == 1.0
    assert ratios.p_value(Evidence(0.1, 0.0, 3)) == 0.0


@given(st.floats(-0.1, 0.1), st.floats(0.001, 0.1), st.integers(3, 20), st.sampled_from([1.0, 0.7, 0.02]))
def test_p_and_interval_say_the_same(centre, sd, processes, share):
    found = Evidence(centre, sd, processes)
    interval, p = ratios.interval(found, share), ratios.p_value(found, share)
    assert interval is not None
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == (not interval.low <= 1 <= interval.high)


def test_mde_by_hand():
    # With endless processes t is normal: (2.5758 + 1.6449) standard errors.
    assert ratios.smallest_detectable(Evidence(0.3, 0.01, 100_000)) == pytest.approx(4.2207 * 0.01 / math.sqrt(100_000), rel=1e-3)
    assert ratios.smallest_detectable(None) is None
    assert ratios.smallest_detectable(Evidence(0.0, 0.0, 3)) == 0


def test_an_effect_of_the_mde_is_found_as_often_as_stated():
    """Processes scatter by 1 %, the slow-down is the MDE of that scatter: a test at 1 % finds it in about 95 % of runs."""
    random = np.random.default_rng(0)
    stated = ratios.smallest_detectable(Evidence(0.0, 0.01, 8))
    assert stated is not None
    drawn = random.normal(math.log1p(stated), 0.01, (4000, 8))
    found = [ratios.p_value(ratios.evidence(list(row))) <= ratios.ALPHA for row in drawn]
    assert 0.94 < np.mean(found) < 0.96


def test_holm_by_hand():
    # Holm 1979: 0.01 x 4, 0.02 x 3, 0.03 x 2, and no adjusted value below one of a smaller p.
    assert ratios.holm([0.03, 0.01, 0.02, 0.04]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert ratios.holm([0.9, 0.9]) == [1.0, 1.0]
    assert ratios.holm([]) == []


@given(P_VALUES)
def test_holm_only_raises_and_keeps_the_order(p_values):
    adjusted = ratios.holm(p_values)
    assert all(p <= up <= 1 for p, up in zip(p_values, adjusted, strict=True))
    ranked = sorted(zip(p_values, adjusted, strict=True))
    assert [up for _, up in ranked] == sorted(adjusted)


def test_holm_keeps_the_error_of_a_family():
    drawn = np.random.default_rng(1).random((4000, 20))
    alarms = np.mean([min(ratios.holm(list(row))) <= 0.05 for row in drawn])
    assert alarms < 0.05 + 2 * math.sqrt(0.05 * 0.95 / 4000)


def test_spending_by_hand():
    # O'Brien-Fleming-like (Lan and DeMets 1983), alpha 5 %, half-way: 2 (1 - Phi(1.95996 / sqrt(1/2))) = 0.00557.
    assert ratios.spending([0.5, 1.0], 0.05) == pytest.approx([0.00557 / 0.05, 1 - 0.00557 / 0.05], abs=1e-4)
    assert ratios.spending([1.0]) == pytest.approx([1.0])
    assert sum(ratios.spending([0.25, 0.5, 0.75, 1.0])) == pytest.approx(1)


def test_looking_three_times_does_not_raise_false_alarms():
    """Fresh processes join until the end, and a run stops at the first look that calls equal programs different."""
    shares, random, alarms = ratios.spending([0.5, 0.75, 1.0]), np.random.default_rng(2), 0
    for _ in range(1500):
        drawn = random.normal(0, 0.01, 12)
        looks = [ratios.p_value(ratios.evidence(list(drawn[:n])), share) for n, share in zip((6, 9, 12), shares, strict=True)]
        alarms += min(looks) <= 0.05
    assert alarms / 1500 < 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1500)


def test_an_interval_covers_where_processes_differ():
    """Between-process sd 0.3 %, within 0.5 %, one round in ten disturbed by 5 %, four processes of 10 rounds, true ratio 1.02."""
    random, covered, error = np.random.default_rng(0), [], []
    for _ in range(600):
        noise = random.normal(0, 0.005, (4, 10)) + 0.05 * (random.random((4, 10)) < 0.1) * random.choice([-1, 1], (4, 10))
        found = ratios.interval(ratios.evidence(np.median(math.log(1.02) + noise + random.normal(0, 0.003, (4, 1)), axis=1).tolist()))
        assert found is not None
        covered.append(found.low <= 1.02 <= found.high)
        error.append(math.log(found.value / 1.02))
    assert 0.92 < np.mean(covered) < 0.98
    assert abs(np.mean(error)) < 0.0004


@pytest.mark.parametrize(
    ("centre", "standard_error", "p", "family_p", "said"),
    [
        (-0.05, 0.005, 0.001, 0.04, "faster"),
        (0.05, 0.005, 0.001, 0.04, "slower"),
        (0.05, 0.005, 0.001, 0.06, "inconclusive"),  # not among so many
        (0.05, 0.005, 0.02, 0.04, "inconclusive"),
        (0.004, 0.001, 0.0001, 0.001, "equivalent"),  # different, and by less than anyone asked for
        (0.0, 0.001, 0.9, 1.0, "equivalent"),
        (0.0, 0.02, 0.9, 1.0, "inconclusive"),
    ],
)
def test_verdicts(centre, standard_error, p, family_p, said):
    assert ratios.verdict(Evidence(centre, standard_error * 4, 16), 0.01, p, family_p) == said


def test_equivalence_is_two_one_sided_tests_at_5_percent():
    # t(15, 95 %) = 1.7531: the 90 % interval ends at 1.7531 standard errors.
    edge = math.log(1.01) / 1.7531
    for factor, said in ((0.99, "equivalent"), (1.01, "inconclusive")):
        assert ratios.verdict(Evidence(0.0, 4 * edge * factor, 16), 0.01, 1.0, 1.0) == said


def test_no_evidence_is_inconclusive():
    assert ratios.verdict(None, 0.01, 0.0, 0.0) == "inconclusive"
