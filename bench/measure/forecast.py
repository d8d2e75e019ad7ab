"""What measuring is going to be worth, said before it begins: processes, samples, and the slow-down that each group will find."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench import ratios
from bench.measure import budget, pairs, schedule
from bench.measure.again import Scenarios
from contract.matrix import Cell, Measure, Scenario

# Nothing is known yet of this machine: processes of one program differ by 0.2 % to 1.2 % (measuring.md 0a), and on a 2-core virtual
# machine with neighbours a single quad by 4 % (METHODOLOGY.md). The median of many quads scatters 1.25 times as much as their mean.
PROCESS_SD, QUAD_SD, OF_MEDIAN = 0.005, 0.04, 1.25
# Starting the runtimes and hashing their libraries.
START_SECONDS = 3.0
# A smallest slow-down is another one when it has grown or shrunk by more than this factor.
NOTABLE = 1.25


@dataclass(frozen=True)
class Expected:
    """One site before it is measured. `forward_seconds`: what one image takes in one of its runtimes; `load_seconds`: its session there."""

    name: str
    scenarios: Scenarios
    forward_seconds: float
    load_seconds: float

    @property
    def groups(self) -> list[tuple[Scenario, list[Cell]]]:
        """The cells that are compared with each other."""
        return [(scenario, [cell for cell, _ in cells]) for scenario, cells in self.scenarios if cells]

    @property
    def loading_seconds(self) -> float:
        """Each runtime its files, all runtimes at once."""
        files = {(cell.runtime, model) for _, cells in self.scenarios for cell, model in cells}
        runtimes = [runtime for runtime, _ in files]
        return max((runtimes.count(name) for name in set(runtimes)), default=0) * self.load_seconds

    def sample_ns(self, scenario: Scenario, cell: Cell) -> float:
        """One sample of a cell."""
        return 1e9 * (self.load_seconds if scenario.kind == "load" else self.forward_seconds * cell.batch)

    def round_seconds(self, scenario: Scenario, cells: Sequence[Cell]) -> float:
        """One round of a group."""
        return schedule.round_ns([self.sample_ns(scenario, cell) for cell in cells], load=scenario.kind == "load") / 1e9


@dataclass(frozen=True)
class Forecast:
    """Of one group of cells. `mde`: the slow-down, as a share, that 95 % of such runs would find, if the machine is as noisy as assumed."""

    group: str
    cells: int
    processes: int
    samples: int
    mde: float


def forecast(sites: Sequence[Expected], settings: Measure) -> list[Forecast]:
    """A forecast for each group, with the budget divided as it will be."""
    before, costs = _costs(sites)
    shares = budget.shares(costs, settings.seconds, settings.generations)
    return [made for each in zip(sites, before, costs, shares, strict=True) for made in _of(*each, settings)]


def expected_seconds(sites: Sequence[Expected], settings: Measure) -> float:
    """What measuring will take: the budget, or its least generations of processes where those cost more."""
    return max(settings.seconds, settings.generations * sum(_costs(sites)[1]))


def _costs(sites: Sequence[Expected]) -> tuple[list[float], list[float]]:
    """Of each site the seconds until its models are loaded, and those of a generation with one round of each group."""
    before = [START_SECONDS / len(sites) + site.loading_seconds for site in sites]
    return before, [first + sum(site.round_seconds(*group) for group in site.groups) for site, first in zip(sites, before, strict=True)]


def _of(site: Expected, before: float, cost: float, share: float, settings: Measure) -> Iterator[Forecast]:
    a_round = sum(site.round_seconds(*group) for group in site.groups)
    measuring = budget.measuring_seconds(before, share, 0, settings.generations, settings.restarts, a_round)
    processes = max(settings.generations, min(settings.restarts, int(share / max(cost, before + measuring) + 1e-9)))
    contrasts = sum(_contrasts(cells) for _, cells in site.groups)
    for scenario, cells in site.groups:
        rounds = max(1, int(measuring * _contrasts(cells) / contrasts / site.round_seconds(scenario, cells)))
        sd = math.hypot(PROCESS_SD, OF_MEDIAN * QUAD_SD / math.sqrt(rounds))
        mde = ratios.smallest_detectable(ratios.Evidence(0.0, sd, processes))
        assert mde is not None  # there are at least three processes
        samples = processes * rounds * 2 * schedule.samples_per_block([site.sample_ns(scenario, cell) for cell in cells])
        yield Forecast(f"{site.name}: {scenario.name}-{cells[0].batch}", len(cells), processes, samples, mde)


def lines(sites: Sequence[Expected], settings: Measure | None) -> list[str]:
    """The forecast in words; nothing where no time is given."""
    return [] if settings is None else [_line(each) for each in forecast(sites, settings)]


def changed(before: Sequence[Expected], now: Sequence[Expected], settings: Measure | None) -> list[str]:
    """The lines that are notably other than they were: cells that failed parity get no time, and the others share it."""
    if settings is None:
        return []
    known = _by_group(forecast(before, settings))
    return [
        _line(each)
        for each in forecast(now, settings)
        if each.group not in known or not 1 / NOTABLE < each.mde / known[each.group].mde < NOTABLE
    ]


def _by_group(found: Iterable[Forecast]) -> dict[str, Forecast]:
    return {each.group: each for each in found}


def _line(each: Forecast) -> str:
    return (
        f"forecast: {each.group}: {each.cells} cells, {each.processes} processes, {each.samples} samples a cell, finds"
        f" {each.mde:.1%} if single comparisons scatter by {QUAD_SD:.0%}"
    )


def _contrasts(cells: list[Cell]) -> int:
    return max(1, pairs.count(cells))
