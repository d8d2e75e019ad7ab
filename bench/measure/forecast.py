"""What measuring is going to be worth, said before it begins: processes, rounds, and the slow-down that each group will be able to find."""

from __future__ import annotations

from dataclasses import dataclass

from bench import ratios
from bench.measure import schedule
from bench.measure.campaign import LEAST_PROCESSES, Site
from contract.matrix import Measure

# Nothing is known yet of this machine: processes of one program scatter by 0.2 % to 1.2 %, and single quads by 0.8 % (measuring.md 0a).
ASSUMED_SD = 0.01
# Starting three runtimes and hashing their libraries, and creating a session, in forwards of the model (0.15 s for ResNet18's 30 ms).
START_SECONDS, FORWARDS_PER_LOAD = 5.0, 5


@dataclass(frozen=True)
class Forecast:
    """Of one group of cells. `mde`: the slow-down, as a share, that 95 % of such runs would find, if processes scatter as assumed."""

    group: str
    cells: int
    processes: int
    samples: int
    mde: float


def forecast(sites: list[Site], image_seconds: list[float], settings: Measure) -> list[Forecast]:
    """A forecast for each group; `image_seconds`: what one forward of one image takes at each site, roughly."""
    return [
        Forecast(f"{site.name}: {scenario.name}", len(cells), processes, processes * 2 * schedule.samples_per_block(each), mde)
        for site, seconds in zip(sites, image_seconds, strict=True)
        for processes, mde in [_of(site, seconds, settings, len(sites))]
        for scenario, cells in site.scenarios
        if cells
        for each in [1e9 * seconds * scenario.batch]
    ]


def lines(sites: list[Site], image_seconds: list[float], settings: Measure) -> list[str]:
    """The forecast in words."""
    return [
        f"forecast: {each.group}: {each.cells} cells, {each.processes} processes, {each.samples} samples a cell, finds"
        f" {each.mde:.1%} if processes scatter by {ASSUMED_SD:.0%}"
        for each in forecast(sites, image_seconds, settings)
    ]


def _of(site: Site, image_seconds: float, settings: Measure, sites: int) -> tuple[int, float]:
    models = {(cell.runtime, model) for _, cells in site.scenarios for cell, model in cells}
    rounds = sum(schedule.round_ns([1e9 * image_seconds * scenario.batch] * len(cells), load=False) for scenario, cells in site.scenarios)
    cost = START_SECONDS / sites + len(models) * FORWARDS_PER_LOAD * image_seconds + rounds / 1e9
    processes = max(LEAST_PROCESSES, min(settings.restarts, int(settings.seconds / sites / cost)))
    found = ratios.smallest_detectable(ratios.Evidence(0.0, ASSUMED_SD, processes))
    assert found is not None  # there are at least three
    return processes, found
