"""The order of blocks, how long they are, and how many a process gets: pure and seeded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Literal

# A block is short: a virtual machine's speed changes within tenths of a second, and what lies between two blocks is not cancelled by
# their round. Blocks of one to three forwards of 25 ms served equally well for the same time, blocks of five and more worse.
BLOCK_NS = 40_000_000
MOST_SAMPLES_IN_BLOCK = 40
# A block of the slowest cell lasts no longer than so many of these, whatever the others take.
SLOWEST_BLOCKS = 10
# The first sample after a thaw runs on cold caches: it is taken as warm-up of the block, and not counted. A forward of this length and
# above refills every cache many times over, and is not worth doubling.
WARM_SAMPLES, WARM_BELOW_NS = 1, 100_000_000


@dataclass(frozen=True)
class Turn:
    """One block: which cell (by index), in which round, and in which half of it."""

    cell: int
    round: int
    half: Literal[0, 1]


def rounds(cells: int, seed: str) -> Iterator[tuple[Turn, ...]]:
    """Endless rounds; each visits all cells in a random order and then in that order reversed.

    So every pair of cells stands in each round as A … B … B … A: an ABBA quad, in which linear drift cancels, for all contrasts at once.
    """
    random = Random(seed)
    number = 0
    while True:
        order = random.sample(range(cells), cells)
        yield tuple(Turn(cell, number, 0) for cell in order) + tuple(Turn(cell, number, 1) for cell in reversed(order))
        number += 1


def samples_per_block(sample_ns: Sequence[float]) -> int:
    """Counted samples of one block of any cell of a group, by what a sample takes in each: that of the middle cell lasts about BLOCK_NS.

    Alike for all cells: a block stands for the fastest of its samples, and who had more of them would have a faster one.
    """
    middle, slowest = max(median(sample_ns), 1.0), max(*sample_ns, 1.0)
    return max(1, min(MOST_SAMPLES_IN_BLOCK, math.ceil(BLOCK_NS / middle), math.ceil(SLOWEST_BLOCKS * BLOCK_NS / slowest)))


def warm_samples(sample_ns: Sequence[float], *, load: bool) -> int:
    """Samples that a block takes before it counts, alike for all cells; a session that is created anew each time has nothing to warm up."""
    return 0 if load or min(sample_ns) >= WARM_BELOW_NS else WARM_SAMPLES


def round_ns(sample_ns: Sequence[float], *, load: bool) -> float:
    """What one round is expected to cost: two blocks of every cell, warm samples included."""
    return 2 * (samples_per_block(sample_ns) + warm_samples(sample_ns, load=load)) * sum(sample_ns) if sample_ns else 0.0
