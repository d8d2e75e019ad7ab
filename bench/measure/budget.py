"""How a budget of seconds is divided: among sites, between starting processes and measuring in them, and among the groups of a site."""

from __future__ import annotations

import math
from collections.abc import Sequence

# A run that cannot have them in this many times its budget ends without.
HARD_CAP = 2.0
# So many times as long as starting and loading took is measured in a generation, and at least for as long as so many rounds of all groups
# take together.
TIMES_BEFORE, ROUNDS = 1.75, 4
# Of the later generations a runtime that takes seconds to start is in one of so many.
SLOW_START_IN = 3


def slow_one_takes_part(generation: int, least: int) -> bool:
    """Whether a slow starter is measured in this generation: torch takes as long to start as a whole generation of the others takes."""
    return generation < least or generation % SLOW_START_IN == 0


def shares(costs: Sequence[float], seconds: float, generations: int, once: Sequence[float] = ()) -> list[float]:
    """Seconds for each site: equal shares, but a site whose least generations cost more gets what they cost, and the others less.

    `costs`: seconds of one generation at each site, 0 where nothing is known yet. `generations`: so many each site has at least. `once`:
    what is paid in the first of them only.
    """
    least = [generations * cost + first for cost, first in zip(costs, once or [0.0] * len(costs), strict=True)]
    costly: set[int] = set()
    while True:
        others = [place for place in range(len(costs)) if place not in costly]
        rest = max(0.0, seconds - sum(least[place] for place in costly)) / max(1, len(others))
        more = {place for place in others if least[place] > rest}
        if not more:
            return [least[place] if place in costly else rest for place in range(len(costs))]
        costly |= more


def measuring_seconds(before: float, left: float, generation: int, least: int, most: int, a_round: float) -> float:
    """Seconds to measure in this generation, which takes `before` seconds to start and load; `left`: of the site's share.

    As many generations as there may be (`most`: with more than a dozen, longer ones make narrower intervals), but for that starting shall
    not take most of the time, and a process shall have rounds enough to outvote a moment in which the machine was slow (`a_round`: seconds
    of one of every group). Less where the least generations would not fit otherwise.
    """
    wanted = left / max(before + max(TIMES_BEFORE * before, ROUNDS * a_round), 1e-9)
    # Whole ones: of a part of one nothing would be left over for the last.
    generations = min(max(math.floor(wanted), least - generation, 1), max(1, most - generation))
    return max(0.0, left / generations - before)
