"""What measuring is going to be worth, said before it begins: processes, rounds, and the slow-down that each group will be able to find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench import ratios
from bench.measure import budget, pairs, schedule
from bench.measure.campaign import Site
from contract.matrix import Cell, Measure

# Nothing is known yet of this machine: processes of one program differ by 0.2 % to 1.2 % (measuring.md 0a), and on a 2-core virtual
# machine with neighbours a single quad by 4 % (METHODOLOGY.md). The median of many quads scatters 1.25 times as much as their mean.
PROCESS_SD, QUAD_SD, OF_MEDIAN = 0.005, 0.04, 1.25
# Starting the runtimes and hashing their libraries, and creating a session, in forwards of the model (0.15 s for ResNet18's 30 ms).
START_SECONDS, FORWARDS_PER_LOAD = 3.0, 5


@dataclass(frozen=True)
class Forecast:
    """Of one group of cells. `mde`: the slow-down, as a share, that 95 % of such runs would find, if the machine is as noisy as assumed."""

    group: str
    cells: int
    processes: int
    samples: int
    mde: float


def forecast(sites: Sequence[Site], image_seconds: Sequence[float], settings: Measure) -> list[Forecast]:
    """A forecast for each group; `image_seconds`: what one forward of one image takes at each site, roughly."""
    before = [_before(site, seconds, len(sites)) for site, seconds in zip(sites, image_seconds, strict=True)]
    costs = [
        each + sum(_round_seconds(cells, seconds) for _, cells in _groups(site))
        for site, seconds, each in zip(sites, image_seconds, before, strict=True)
    ]
    made = []
    for site, seconds, cost, first, share in zip(sites, image_seconds, costs, before, budget.shares(costs, settings.seconds), strict=True):
        measuring = budget.measuring_seconds(first, share, 0, settings.restarts)
        processes = max(budget.LEAST_GENERATIONS, min(settings.restarts, int(share / max(cost, first + measuring))))
        groups = _groups(site)
        contrasts = sum(_contrasts(cells) for _, cells in groups)
        for name, cells in groups:
            round_seconds = _round_seconds(cells, seconds)
            rounds = max(1, int(measuring * _contrasts(cells) / contrasts / round_seconds))
            sd = math.hypot(PROCESS_SD, OF_MEDIAN * QUAD_SD / math.sqrt(rounds))
            mde = ratios.smallest_detectable(ratios.Evidence(0.0, sd, processes))
            assert mde is not None  # there are at least three processes
            samples = processes * rounds * 2 * schedule.samples_per_block(1e9 * seconds * cells[0].batch)
            made.append(Forecast(f"{site.name}: {name}", len(cells), processes, samples, mde))
    return made


def lines(sites: Sequence[Site], image_seconds: Sequence[float], settings: Measure) -> list[str]:
    """The forecast in words."""
    return [
        f"forecast: {each.group}: {each.cells} cells, {each.processes} processes, {each.samples} samples a cell, finds"
        f" {each.mde:.1%} if single comparisons scatter by {QUAD_SD:.0%}"
        for each in forecast(sites, image_seconds, settings)
    ]


def _groups(site: Site) -> list[tuple[str, list[Cell]]]:
    return [(f"{scenario.name}-{cells[0][0].batch}", [cell for cell, _ in cells]) for scenario, cells in site.scenarios if cells]


def _contrasts(cells: list[Cell]) -> int:
    return max(1, pairs.count(cells))


def _round_seconds(cells: list[Cell], image_seconds: float) -> float:
    return schedule.round_ns([1e9 * image_seconds * cell.batch for cell in cells], load=False) / 1e9


def _before(site: Site, image_seconds: float, sites: int) -> float:
    """Starting, and loading: each runtime its files, all runtimes at once."""
    files: dict[str, set[object]] = {}
    for _, cells in site.scenarios:
        for cell, model in cells:
            files.setdefault(cell.runtime, set()).add(model)
    return START_SECONDS / sites + max(map(len, files.values()), default=0) * FORWARDS_PER_LOAD * image_seconds
