"""Log ratios of a group's cells in each process, by median polish: what slows the machine for a moment is taken from all cells alike.

A virtual machine has moments in which everything takes a third longer, and they last for a few blocks. A quad of four blocks meets one
twice as often as a block does; so each block is compared with the level at which all cells of the group stood in its half of the round,
and a cell's place is the median over its blocks. On a noisy machine that left 13 to 39 % of the variance of the median over quads
(METHODOLOGY.md). Source: Tukey, Exploratory Data Analysis (1977), chapter 11: two-way fits by medians.

What slows a machine for less than a block can only add to a sample. So a block stands for its lower quartile, where its samples do the
same work: of two of them that is the faster one, and it leaves half of the variance that their median leaves (METHODOLOGY.md).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.timed import Block
from contract.matrix import Cell

# Round and half of it.
Turn = tuple[int, int]
Logs = dict[Cell, dict[Turn, float]]


@dataclass(frozen=True)
class Ratio:
    """Of two cells in one process of each: the log ratio of their times, and from how many rounds."""

    log: float
    rounds: int


class Polished:
    """The cells of one group with their levels taken out, process by process."""

    def __init__(self, group: Mapping[Cell, Sequence[Block]]) -> None:
        processes: dict[int, Logs] = defaultdict(dict)
        for cell, blocks in group.items():
            for block in blocks:
                if block.disturbed is None:
                    turn = (block.round, int(block.half))
                    processes[block.process].setdefault(cell, {})[turn] = math.log(stands_for(block))
        self._processes = {number: without_levels(whole_rounds(logs)) for number, logs in sorted(processes.items())}

    def ratios(self, one: Cell, base: Cell) -> list[Ratio]:
        """The ratio in each process that measured both, over the rounds that both have whole."""
        found = []
        for logs in self._processes.values():
            common = logs.get(one, {}).keys() & logs.get(base, {}).keys()
            if common:
                sides = [float(np.median([logs[cell][turn] for turn in common])) for cell in (one, base)]
                found.append(Ratio(sides[0] - sides[1], len(common) // 2))
        return found


def stands_for(block: Block) -> float:
    """The nanoseconds that a block counts as: its lower quartile, which is the smallest of up to four.

    Where each sample takes another image (e2e), and the fastest is the cheapest image's, its median.
    """
    if block.split_ns:
        return float(np.median(block.samples_ns))
    return float(np.quantile(block.samples_ns, 0.25, method="inverted_cdf"))


def whole_rounds(logs: Logs) -> Logs:
    """Only the rounds of which a cell has both halves: linear drift cancels over a whole one."""
    return {cell: {turn: log for turn, log in turns.items() if (turn[0], 1 - turn[1]) in turns} for cell, turns in logs.items()}


def without_levels(logs: Logs) -> Logs:
    """Each block's log with the level of its turn taken out; the level is what the cells of that turn have in common.

    Exact where every log is the sum of a cell's part and a turn's. What cells differ by stays.
    """
    places = {cell: float(np.median(list(turns.values()))) for cell, turns in logs.items() if turns}
    at_turn: dict[Turn, list[float]] = defaultdict(list)
    for cell, turns in logs.items():
        for turn, log in turns.items():
            at_turn[turn].append(log - places[cell])
    levels = {turn: float(np.median(each)) for turn, each in at_turn.items()}
    return {cell: {turn: log - levels[turn] for turn, log in turns.items()} for cell, turns in logs.items()}
