"""How seconds are divided, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure import budget
from bench.ratios import LEAST_PROCESSES
from contract.matrix import Measure
from contract.nouns import LEAST_GENERATIONS


@pytest.mark.parametrize(
    ("costs", "shares"),
    [
        ([0, 0, 0], [80, 80, 80]),  # nothing is known yet
        ([5, 5, 5], [80, 80, 80]),
        ([25, 5, 5], [100, 70, 70]),  # four generations at 25 s
        ([25, 18, 5], [100, 72, 68]),  # and then 72 of the 70 that would be left for each
        ([100, 5, 5], [400, 20, 20]),
        ([100], [400]),
    ],
)
def test_shares(costs, shares):
    assert budget.shares(costs, 240.0, 4) == pytest.approx(shares)


def test_what_is_paid_once_belongs_to_a_sites_least():
    assert budget.shares([25, 5, 5], 240.0, 4, [10, 2, 2]) == pytest.approx([110, 65, 65])
    assert budget.shares([25, 16, 5], 240.0, 4, [0, 10, 0]) == pytest.approx([100, 74, 66])


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), st.floats(1, 1000), st.integers(3, 6))
def test_shares_give_each_site_its_least_generations_and_use_the_budget(costs, seconds, least):
    found = budget.shares(costs, seconds, least)
    assert all(share >= least * cost - 1e-9 for share, cost in zip(found, costs, strict=True))
    assert sum(found) == pytest.approx(max(seconds, least * sum(costs)))


@pytest.mark.parametrize(
    ("before", "left", "generation", "a_round", "seconds"),
    [
        (2.0, 75.0, 0, 0.1, 75 / 12 - 2),  # thirteen generations of 5.5 s would fit, and no more than twelve are allowed
        (2.0, 30.0, 0, 0.1, 4.0),  # five of 6 s: of 5.5 s they would be, and some of one more
        (2.0, 75.0, 0, 3.0, 13.0),  # five of 15 s: of 14 s, with four rounds
        (2.0, 20.0, 0, 0.1, 3.0),  # four must fit
        (2.0, 20.0, 0, 9.9, 3.0),
        (10.0, 30.0, 0, 0.1, 0.0),  # and do not
        (10.0, 30.0, 2, 0.1, 5.0),  # two are left
        (2.0, 600.0, 0, 0.1, 48.0),
        (10.0, -5.0, 1, 0.1, 0.0),
        (10.0, 30.0, 11, 0.1, 20.0),  # the last one
    ],
)
def test_how_long_a_generation_measures(before, left, generation, a_round, seconds):
    assert budget.measuring_seconds(before, left, generation, 4, 12, a_round) == pytest.approx(seconds)


def test_three_generations_measure_longer_each_than_four():
    assert budget.measuring_seconds(2.0, 20.0, 0, 3, 12, 0.1) == pytest.approx(20 / 3 - 2)


def test_a_matrix_cannot_ask_for_fewer_generations_than_an_interval_needs():
    assert LEAST_GENERATIONS == LEAST_PROCESSES
    assert Measure().generations > LEAST_GENERATIONS


def test_a_slow_starter_takes_part_in_the_first_generations_and_in_one_of_three_later():
    assert [number for number in range(12) if budget.slow_one_takes_part(number, 4)] == [0, 1, 2, 3, 6, 9]
