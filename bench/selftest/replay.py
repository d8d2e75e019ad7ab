"""Comparisons replayed from the live ones of equal programs: processes drawn again, sides exchanged at random, a slow-down added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench import ratios

REPLAYS = 2000


@dataclass(frozen=True)
class Replayed:
    """Of `replays` comparisons of `processes` generations each, how many went how.

    `alarms` called equal programs different, at 1 %. `covered`: 95 % intervals that held the truth. `found`: by slow-down that was added.
    """

    replays: int
    processes: int
    alarms: int
    covered: int
    found: dict[str, int]


def replay(logs: Sequence[float], processes: int, slowdowns: Sequence[float], seed: int, replays: int = REPLAYS) -> Replayed:
    """Replay comparisons. `logs`: log ratios of equal programs by generation. Raises ValueError for fewer generations than are drawn.

    Exchanging the sides of a generation changes the sign of its log ratio: what differs by chance then differs in neither direction.
    """
    if len(logs) < processes:
        raise ValueError(f"{processes} generations are drawn from {len(logs)}")
    random = np.random.default_rng(seed)
    alarms = covered = 0
    found = dict.fromkeys((f"{each:g}" for each in slowdowns), 0)
    for _ in range(replays):
        chosen = random.choice(len(logs), processes, replace=False)
        signs = random.choice((-1, 1), processes)
        evidence = ratios.evidence([sign * logs[place] for place, sign in zip(chosen, signs, strict=True)])
        interval = ratios.interval(evidence)
        assert evidence is not None  # at least three processes are drawn
        assert interval is not None
        alarms += ratios.p_value(evidence) <= ratios.ALPHA
        covered += interval.low <= 1 <= interval.high
        for slowdown in slowdowns:
            slower = ratios.Evidence(evidence.centre + math.log1p(slowdown), evidence.sd, evidence.processes)
            found[f"{slowdown:g}"] += slower.centre > 0 and ratios.p_value(slower) <= ratios.ALPHA
    return Replayed(replays, processes, alarms, covered, found)
