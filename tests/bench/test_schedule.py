"""The order of blocks, and how long they are."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure import schedule

CELLS = st.integers(1, 9)


def first(cells: int, seed: str, count: int = 6) -> list[tuple[schedule.Turn, ...]]:
    return list(islice(schedule.rounds(cells, seed), count))


@given(CELLS, st.text(max_size=5))
def test_rounds_are_palindromes_that_visit_every_cell_twice(cells, seed):
    for number, turns in enumerate(first(cells, seed)):
        order = [turn.cell for turn in turns]
        assert order == order[::-1]
        assert Counter(order) == dict.fromkeys(range(cells), 2)
        assert [turn.half for turn in turns] == [0] * cells + [1] * cells
        assert {turn.round for turn in turns} == {number}


@given(CELLS)
def test_every_pair_is_abba_or_baab(cells):
    for turns in first(cells, "s", 3):
        for pair in combinations(range(cells), 2):
            outer, inner, *rest = [turn.cell for turn in turns if turn.cell in pair]
            assert rest == [inner, outer]


def test_rounds_are_seeded_and_random():
    assert first(5, "a 0") == first(5, "a 0")
    assert first(5, "a 0") != first(5, "a 1")
    orders = Counter(tuple(turn.cell for turn in turns[:2]) for turns in first(2, "s", 400))
    assert set(orders) == {(0, 1), (1, 0)}
    assert min(orders.values()) > 150


@pytest.mark.parametrize(
    ("sample_ns", "samples"), [(40_000_000, 1), (39_999_999, 2), (15_000_000, 3), (1_000_000, 40), (10, 40), (0, 40), (3e9, 1)]
)
def test_a_block_lasts_about_40_ms(sample_ns, samples):
    assert schedule.samples_per_block([sample_ns]) == samples


def test_all_cells_of_a_group_take_as_many_samples_as_the_middle_one():
    """A block stands for the fastest of them: of 2 and of 3 samples of one program the 3 would be faster."""
    assert schedule.samples_per_block([20.1e6, 19.9e6, 19.8e6]) == 3
    assert schedule.samples_per_block([5e6, 5e6, 40e6]) == 8
    assert schedule.samples_per_block([5e6, 5e6, 80e6]) == 5  # ten times 40 ms are enough for the slowest
    assert schedule.samples_per_block([5e6, 5e6, 900e6]) == 1


def test_a_round_costs_two_blocks_of_every_cell():
    # 2 counted samples and 1 warm one; none is warm where all take 100 ms and more.
    assert schedule.round_ns([20e6, 21e6, 100e6], load=False) == 2 * 3 * 141e6
    assert schedule.round_ns([100e6, 200e6], load=False) == 2 * 300e6
    assert schedule.round_ns([20e6], load=True) == 2 * 2 * 20e6
    assert schedule.round_ns([], load=False) == 0
