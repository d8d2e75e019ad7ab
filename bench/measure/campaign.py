"""All measuring of a run: generation after generation of fresh processes, the budget shared among the sites, decided groups left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import ratios
from bench.fleet import Fleet
from bench.measure import pairs, schedule
from bench.measure.group import Entry, Group, Inputs
from bench.measure.looks import Looks
from bench.measure.sessions import Sessions
from bench.measure.summary import summarise
from bench.progress import Progress
from bench.results import Measured
from contract.matrix import Cell, Hole, Measure, Scenario

# An interval over processes needs three of them; a run that cannot have them in this many times its budget ends without.
LEAST_PROCESSES, HARD_CAP = ratios.LEAST_PROCESSES, 2.0


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


class Tour:
    """One site while it is measured: its groups, what they have cost, and the looks at them."""

    def __init__(self, site: Site, groups: list[Group], share: float, looks: Looks) -> None:
        self.site, self.groups, self.share, self.looks = site, groups, share, looks
        self.spent = self.cost = 0.0

    @property
    def open(self) -> bool:
        """Whether more rounds could say more."""
        return any(group.alive for group in self.groups)

    def visit(self, sessions: Sessions, process: int, work: Path, progress: Progress, start_seconds: float) -> None:
        """One generation: load and verify, then rounds for about as long as that took, starting the processes included."""
        started = time.monotonic()
        groups = [group for group in self.groups if group.alive]
        cells = sum(len(group.entries) for group in groups)
        progress.part(f"measuring {self.site.name}, process {process + 1}: loading and verifying {cells} cells")
        round_seconds = sum([group.prepare(work) for group in groups])
        rounds = schedule.rounds_per_process(start_seconds + time.monotonic() - started, round_seconds)
        for group in groups:
            progress.part(f"measuring {group.name}, process {process + 1}: {len(group.entries)} cells in turn")
            group.spend(rounds, process)
        sessions.release()
        self.cost = start_seconds + time.monotonic() - started
        self.spent += self.cost
        self.looks.look(self.spent / self.share)


def measure(
    sites: Sequence[Site],
    fleet: Fleet,
    settings: Measure,
    seed: int,
    work: Path,
    progress: Progress,
    after: Callable[[list[Found]], None] = lambda _found: None,
) -> list[Found]:
    """Measure all sites within `settings.seconds`, in at most `settings.restarts` generations of processes; returns one Found per site.

    A process is a cluster of the statistics: two processes of the same program differ by up to a percent (measuring.md 0a). So all runners
    are started anew for each generation. Each site has three generations, whatever they cost, and then as many as fit its share of the
    time; what a site leaves, the others get. `after` gets what was found so far after each generation.
    """
    sessions = Sessions(fleet)
    groups = {
        site.name: [Group(scenario, cells, site.inputs, fleet, sessions, seed) for scenario, cells in site.scenarios if cells]
        for site in sites
    }
    family = pairs.count([entry.cell for each in groups.values() for group in each for entry in group.entries])
    tours = [
        Tour(site, groups[site.name], settings.seconds / len(sites), Looks(groups[site.name], settings.equivalent, family))
        for site in sites
    ]
    began = time.monotonic()
    for process in range(settings.restarts):
        visited = next_tours(tours, process, settings.seconds, time.monotonic() - began)
        if not visited:
            break
        sessions.drop()
        started = time.monotonic()
        fleet.start()
        fleet.ready()
        start_seconds = (time.monotonic() - started) / len(visited)
        for tour in visited:
            tour.visit(sessions, process, work, progress, start_seconds)
            progress.done(tour.cost)
        after([_found(tour) for tour in tours])
    sessions.drop()
    return [_found(tour) for tour in tours]


def next_tours(tours: list[Tour], process: int, seconds: float, elapsed: float) -> list[Tour]:
    """The sites that generation `process` visits; none ends the measuring."""
    still = [tour for tour in tours if tour.open]
    if process < LEAST_PROCESSES:
        return still if elapsed < HARD_CAP * seconds else []
    left = seconds - elapsed
    fitting = [tour for tour in still if tour.cost <= left]
    own = [tour for tour in fitting if tour.spent + tour.cost <= tour.share]
    if own:
        return own
    # Every site has had its share, and some time is left: to those first that cost least.
    chosen: list[Tour] = []
    for tour in sorted(fitting, key=lambda tour: tour.cost):
        if sum(each.cost for each in chosen) + tour.cost <= left:
            chosen.append(tour)
    return chosen


def _found(tour: Tour) -> Found:
    entries = [(entry, group.scenario.kind) for group in tour.groups for entry in group.entries]
    holes = [Hole(entry.cell, why) for entry, _ in entries if (why := without_number(entry)) is not None]
    without = {hole.cell for hole in holes}
    cells = [
        summarise(entry.cell, kind, entry.blocks, entry.options, entry.error, entry.alpha_share)
        for entry, kind in entries
        if entry.cell not in without
    ]
    return Found(cells, holes)


def without_number(entry: Entry) -> str | None:
    """Why a cell that did nothing wrong has no number, or None."""
    causes = [block.disturbed for block in entry.blocks]
    if entry.hole is None and entry.error is None and causes and None not in causes:
        return f"every round was disturbed: {causes[0]}"
    return entry.hole
