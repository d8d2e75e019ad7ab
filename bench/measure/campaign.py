"""All measuring of a run: generation after generation of fresh processes, the budget shared among the sites, decided groups left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import Fleet
from bench.measure import budget, pairs
from bench.measure.group import Entry, Group, Inputs
from bench.measure.looks import Looks
from bench.measure.sessions import Sessions
from bench.measure.summary import summarise
from bench.progress import Progress
from bench.results import Measured
from contract.matrix import Cell, Hole, Measure, Scenario


@dataclass(frozen=True)
class Site:
    """One backbone on one provider: its cells by scenario, what they are fed, and cells that are started cold (bench.measure.cold)."""

    name: str
    scenarios: Sequence[tuple[Scenario, list[tuple[Cell, Path]]]]
    inputs: Inputs
    cold: Sequence[tuple[Cell, Path]] = ()


@dataclass(frozen=True)
class Found:
    """What one site gave: cells, and as holes those that a runtime cannot measure at all."""

    cells: list[Measured]
    holes: list[Hole]


class Tour:
    """One site while it is measured: its groups, what they have cost, and the looks at them.

    `cost`: seconds of its last generation, without what it pays in the first one only, `once`.
    """

    def __init__(self, site: Site, groups: list[Group], looks: Looks) -> None:
        self.site, self.groups, self.looks = site, groups, looks
        self.spent = self.cost = self.once = self.share = 0.0

    @property
    def open(self) -> bool:
        """Whether more rounds could say more."""
        return any(group.alive for group in self.groups)

    def visit(self, sessions: Sessions, generation: Generation, work: Path, progress: Progress) -> None:
        """One generation: load and verify, then rounds for as long as the budget allows it."""
        started = time.monotonic() - generation.start_seconds
        groups = [group for group in self.groups if group.alive]
        cells = [entry for group in groups for entry in group.choose(generation.runtimes)]
        title = f"process {generation.number + 1}"
        progress.part(f"measuring {self.site.name}, {title}: loading and verifying {len(cells)} cells")
        sessions.load_side_by_side([(entry.cell, entry.model) for entry in cells])
        before = time.monotonic() - started
        for group in groups:
            group.prepare(work)
        verifying = time.monotonic() - started - before
        # On the CPU answers are verified once, elsewhere in each process.
        every_time = any(entry.cell.provider != "cpu" for entry in cells)
        left = self.share - self.spent - (0 if every_time else verifying)
        before += verifying if every_time else 0
        a_round = sum(group.round_seconds for group in groups)
        seconds = budget.measuring_seconds(before, left, generation.number, generation.least, generation.most, a_round)
        contrasts = sum(group.contrasts for group in groups)
        for group in groups:
            progress.part(f"measuring {group.name}, {title}")
            at_least = int(generation.number < generation.least)
            group.spend(seconds * group.contrasts / contrasts, generation.number, at_least=at_least)
        sessions.release()
        took = time.monotonic() - started
        self.spent += took
        # On the CPU answers are verified once: that costs no later generation anything.
        if generation.number == 0 and not every_time:
            self.once = verifying
        self.cost = took - self.once if generation.number == 0 else took


@dataclass(frozen=True)
class Generation:
    """Processes that were started together, and what starting them cost each site; there are `least` to `most` generations."""

    number: int
    runtimes: tuple[str, ...]
    start_seconds: float
    least: int
    most: int


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
    are started anew for each generation. Each site has `settings.generations`, whatever they cost, and then as many as fit its share of the
    time; what a site leaves, the others get. `after` gets what was found so far after each generation.
    """
    sessions = Sessions(fleet)
    groups = {
        site.name: [Group(scenario, cells, site.inputs, sessions, seed) for scenario, cells in site.scenarios if cells] for site in sites
    }
    family = pairs.count([entry.cell for each in groups.values() for group in each for entry in group.entries])
    tours = [Tour(site, groups[site.name], Looks(groups[site.name], settings.equivalent, family)) for site in sites]
    divide(tours, settings)
    began = time.monotonic()
    for number in range(settings.restarts):
        visited = next_tours(tours, number, settings, time.monotonic() - began)
        if not visited:
            break
        if number > 0:  # the first one has a round of every group, whatever it costs
            for group in (group for tour in visited for group in tour.groups):
                group.deadline = began + budget.HARD_CAP * settings.seconds
        sessions.drop()
        started = time.monotonic()
        runtimes = fleet.taking_part(number, settings.generations)
        sessions.start(entry.cell for tour in visited for group in tour.groups for entry in group.choose(runtimes))
        start_seconds = (time.monotonic() - started) / len(visited)
        for tour in visited:
            tour.visit(sessions, Generation(number, runtimes, start_seconds, settings.generations, settings.restarts), work, progress)
            divide(tours, settings)
            tour.looks.look(tour.spent / tour.share)
            progress.done(tour.cost)
        after([_found(tour) for tour in tours])
    sessions.drop()
    return [_found(tour) for tour in tours]


def divide(tours: Sequence[Tour], settings: Measure) -> None:
    """Give each site its share; done anew after each visit, because what a site costs is known by visiting it."""
    costs, once = [tour.cost for tour in tours], [tour.once for tour in tours]
    for tour, share in zip(tours, budget.shares(costs, settings.seconds, settings.generations, once), strict=True):
        tour.share = share


def next_tours(tours: list[Tour], generation: int, settings: Measure, elapsed: float) -> list[Tour]:
    """The sites that a generation visits; none ends the measuring."""
    still = [tour for tour in tours if tour.open]
    if generation < settings.generations:
        return still if elapsed < budget.HARD_CAP * settings.seconds else []
    left = settings.seconds - elapsed
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
