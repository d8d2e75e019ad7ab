"""The bisection: a place where the difference arises, whatever the predicate says, in log2 questions; what a difference is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.blame.search import SINGLE, difference, first, tolerated
from bench.parity.compare import same_bits


@given(st.lists(st.booleans(), max_size=300))
def test_the_pair_is_one_where_it_arises_and_few_are_asked(inner):
    told, asked = [False, *inner, True], []

    def differs(place: int) -> bool:
        asked.append(place)
        return told[place // 10]

    places = [10 * place for place in range(len(told))]
    low, high = first(places, differs)
    assert high == low + 10
    assert (told[low // 10], told[high // 10]) == (False, True)
    assert len(asked) <= math.ceil(math.log2(len(places) - 1)) if len(places) > 2 else not asked
    assert not {places[0], places[-1]} & set(asked)


@given(st.integers(1, 500), st.data())
def test_one_step_is_found_exactly(count, data):
    guilty = data.draw(st.integers(1, count))
    assert first(range(count + 1), lambda place: place >= guilty) == (guilty - 1, guilty)


@pytest.mark.parametrize(
    ("one", "other", "gap"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan, 1.0], [np.nan, 2.0], 1.0),
        ([np.nan], [1.0], np.inf),
        ([np.inf, 1.0], [np.inf, 3.0], 2.0),
        ([np.inf], [-np.inf], np.inf),
        ([0.0], [-0.0], 0.0),
        ([], [], 0.0),
    ],
)
def test_difference(one, other, gap):
    assert difference(np.array(one, np.float32), np.array(other, np.float32)) == gap


def test_another_shape_is_an_infinite_difference():
    assert difference(np.zeros((1, 3)), np.zeros((3, 1))) == math.inf


def test_bits():
    assert same_bits(np.array([np.nan]), np.array([np.nan]))
    assert not same_bits(np.array([0.0]), np.array([-0.0]))
    assert not same_bits(np.zeros(2, np.float32), np.zeros(2, np.int32))


def test_the_tolerance_is_the_noise_times_the_factor_and_never_finer_than_a_last_place():
    exact = np.array([4.0, -8.0])
    assert tolerated(np.array([4.0, -7.5], np.float32), exact, 10) == 5.0
    assert tolerated(exact.astype(np.float32), exact, 10) == 10 * 8 * SINGLE
    assert tolerated(np.zeros(0, np.float32), np.zeros(0), 10) == 0.0
