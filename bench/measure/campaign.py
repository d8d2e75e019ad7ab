"""All measuring of a run: generation after generation of fresh processes, in each of them every site, the budget shared among them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import Fleet
from bench.measure import schedule
from bench.measure.group import Group, Inputs
from bench.measure.sessions import Sessions
from bench.measure.summary import summarise
from bench.progress import Progress
from bench.results import Measured
from contract.matrix import Cell, Hole, Measure, Scenario

LEAST_ROUNDS, LEAST_PROCESSES = 1, 3


@dataclass(frozen=True)
class Site:
    """One backbone on one provider: its cells by scenario, and what they are fed."""

    name: str
    scenarios: Sequence[tuple[Scenario, list[tuple[Cell, Path]]]]
    inputs: Inputs


@dataclass(frozen=True)
class Found:
    """What one site gave: cells, and as holes those that a runtime cannot measure at all."""

    cells: list[Measured]
    holes: list[Hole]


def measure(
    sites: Sequence[Site],
    fleet: Fleet,
    settings: Measure,
    seed: int,
    work: Path,
    progress: Progress,
    after: Callable[[list[Found]], None] = lambda _found: None,
) -> list[Found]:
    """Measure all sites within `settings.seconds`, in `settings.restarts` generations of processes; returns one Found per site.

    A process is a cluster of the statistics: two processes of the same program differ by up to a percent (measuring.md 0a). So all runners
    are started anew for each generation, and each generation visits every site - but one whose loading and first round alone take more
    than its share stays out once it has the generations that an interval needs. `after` gets what was found so far after each generation.
    """
    sessions = Sessions(fleet)
    groups = {
        site.name: [Group(scenario, cells, site.inputs, fleet, sessions, seed) for scenario, cells in site.scenarios if cells]
        for site in sites
    }
    overdrawn: set[str] = set()
    end = time.monotonic() + settings.seconds
    for process in range(settings.restarts if any(groups.values()) else 0):
        sessions.drop()
        fleet.start()
        generation_end = time.monotonic() + max(0.0, end - time.monotonic()) / (settings.restarts - process)
        visited = [site for site in sites if process < LEAST_PROCESSES or site.name not in overdrawn]
        for number, site in enumerate(visited):
            where = f"process {process + 1} of {settings.restarts}"
            started = time.monotonic()
            site_end = started + max(0.0, generation_end - started) / (len(visited) - number)
            progress.part(
                f"measuring {site.name}, {where}: loading and verifying {sum(len(group.entries) for group in groups[site.name])} cells"
            )
            round_seconds = [group.prepare(work) for group in groups[site.name]]
            if time.monotonic() - started + LEAST_ROUNDS * sum(round_seconds) > settings.seconds / settings.restarts / len(sites):
                overdrawn.add(site.name)
            left = max(0.0, site_end - time.monotonic())
            for group, share in zip(groups[site.name], schedule.shares(left, round_seconds, LEAST_ROUNDS), strict=True):
                progress.part(f"measuring {group.name}, {where}: {len(group.entries)} cells in turn")
                group.spend(share, process)
            sessions.release()
            progress.done(settings.seconds / settings.restarts / len(visited))
        after([_found(groups[site.name]) for site in sites])
    sessions.drop()
    return [_found(groups[site.name]) for site in sites]


def _found(groups: list[Group]) -> Found:
    entries = [(entry, group.scenario.kind) for group in groups for entry in group.entries]
    return Found(
        cells=[summarise(entry, kind) for entry, kind in entries if entry.hole is None],
        holes=[Hole(entry.cell, entry.hole) for entry, _ in entries if entry.hole is not None],
    )
