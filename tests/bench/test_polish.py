"""Median polish of a group's blocks: against an additive model, by hand, and against quads on noise as a virtual machine has it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.polish import Polished, Ratio
from bench.results import Block
from contract.matrix import Cell
from tests.bench import fakes

ONE, BASE, THIRD = (fakes.cell(runtime=name) for name in ("ort-rust", "ort-python", "torch-eager"))
BIG = 1e9


def block(process: int, number: int, half: int, ns: float, disturbed: str | None = None) -> Block:
    return Block(process, number, 1 if half else 0, (round(ns),), 0, 0, {}, disturbed)


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=5),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=5),
)
def test_what_cells_have_in_common_is_taken_out_exactly(cells, rounds):
    names = [fakes.cell(runtime=f"r{number}") for number in range(len(cells))]
    group = {
        name: [block(0, number, half, BIG * math.exp(cell + level[half])) for number, level in enumerate(rounds) for half in (0, 1)]
        for name, cell in zip(names, cells, strict=True)
    }
    (found,) = Polished(group).ratios(names[0], names[1])
    assert found.log == pytest.approx(cells[0] - cells[1], abs=1e-6)
    assert found.rounds == len(rounds)


def test_one_slow_moment_moves_nothing():
    """The machine takes twice as long during one block of one cell, of six."""
    group = {cell: [block(0, n, half, ns) for n in range(3) for half in (0, 1)] for cell, ns in ((ONE, 200), (BASE, 100), (THIRD, 400))}
    group[ONE][0] = block(0, 0, 0, 400)
    assert Polished(group).ratios(ONE, BASE) == [Ratio(pytest.approx(math.log(2)), 3)]


def test_two_cells_by_hand():
    # Round 0: 2 / 1 and 8 / 1; half of the rounds' logs is each cell's, so the ratio is the median of log 2 and log 8.
    group = {ONE: [block(0, 0, 0, 2), block(0, 0, 1, 8)], BASE: [block(0, 0, 0, 1), block(0, 0, 1, 1)]}
    assert Polished(group).ratios(ONE, BASE) == [Ratio(pytest.approx(math.log(4)), 1)]


def test_processes_are_apart_and_only_whole_undisturbed_rounds_count():
    one = [block(0, 0, 0, 200), block(0, 0, 1, 200), block(0, 1, 0, 900), block(3, 4, 0, 300), block(3, 4, 1, 300)]
    one += [block(3, 5, half, 9000, "stolen") for half in (0, 1)]
    base = [block(process, number, half, 100) for process, number in ((0, 0), (0, 1), (1, 2), (3, 4), (3, 5)) for half in (0, 1)]
    found = Polished({ONE: one, BASE: base}).ratios(ONE, BASE)
    assert found == [Ratio(pytest.approx(math.log(2)), 1), Ratio(pytest.approx(math.log(3)), 1)]
    assert Polished({ONE: [], BASE: base}).ratios(ONE, BASE) == []


def halves(samples: tuple[int, ...], split: dict[str, tuple[int, ...]] | None = None) -> list[Block]:
    return [Block(0, 0, 1 if half else 0, samples, 0, 0, split or {}, None) for half in (0, 1)]


@pytest.mark.parametrize(
    ("samples", "stands_for"), [((200,), 200), ((900, 200), 200), ((900, 200, 800, 700), 200), ((100, 200, 300, 400, 500), 200)]
)
def test_a_block_is_its_lower_quartile(samples, stands_for):
    """What comes on top of a sample is the machine's, for as long as all do the same work."""
    group = {ONE: halves(samples), BASE: halves((100,) * len(samples))}
    assert Polished(group).ratios(ONE, BASE) == [Ratio(pytest.approx(math.log(stands_for / 100)), 1)]


def test_of_different_images_a_block_is_the_median():
    group = {ONE: halves((1, 200, 10**6), {"decode": (1, 1, 1)}), BASE: halves((100, 100, 100), {"decode": (1, 1, 1)})}
    assert Polished(group).ratios(ONE, BASE) == [Ratio(pytest.approx(math.log(2)), 1)]


def test_the_faster_of_two_samples_scatters_less_where_single_ones_are_slow():
    """Two equal cells, one sample in five a third slower, 1 % of noise, nine rounds a process."""
    random = np.random.default_rng(0)
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(300):
        ns = BIG * np.exp(random.normal(0, 0.01, (2, 9, 2, 2)) + 0.33 * (random.random((2, 9, 2, 2)) < 0.2))
        for of_median, logs in found.items():
            group = {
                cell: [
                    Block(0, n, 1 if half else 0, tuple(map(round, ns[place, n, half])), 0, 0, {"all": (0, 0)} if of_median else {}, None)
                    for n in range(9)
                    for half in (0, 1)
                ]
                for place, cell in enumerate((ONE, BASE))
            }
            logs.append(Polished(group).ratios(ONE, BASE)[0].log)
    assert np.var(found[False]) < 0.5 * np.var(found[True])
    assert abs(np.mean(found[False])) < 0.002


def test_it_scatters_less_than_quads_do_where_single_blocks_are_slow():
    """Nine cells that are equal, one block in six a third slower, 2 % of noise, eight rounds a process."""
    random = np.random.default_rng(0)
    cells = [fakes.cell(runtime=f"r{number}") for number in range(9)]
    polished, quads = [], []
    for _ in range(200):
        logs = random.normal(0, 0.02, (9, 8, 2)) + 0.33 * (random.random((9, 8, 2)) < 1 / 6)
        group: dict[Cell, list[Block]] = {
            cell: [block(0, n, half, BIG * math.exp(logs[place, n, half])) for n in range(8) for half in (0, 1)]
            for place, cell in enumerate(cells)
        }
        polished.append(Polished(group).ratios(cells[0], cells[1])[0].log)
        quads.append(np.median((logs[0] - logs[1]).mean(axis=1)))
    assert np.std(polished) < 0.5 * np.std(quads)
    assert abs(np.mean(polished)) < 0.01
