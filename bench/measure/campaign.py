"""All groups of one subject and provider: one generation of processes after the other, the budget shared among the groups."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.fleet import Fleet
from bench.measure import schedule
from bench.measure.group import Group, Inputs
from bench.measure.sessions import Sessions
from bench.measure.summary import summarise
from bench.progress import Progress
from bench.results import Measured
from contract.matrix import Cell, Hole, Measure, Scenario

LEAST_ROUNDS = 3


def measure(
    scenarios: Sequence[tuple[Scenario, list[tuple[Cell, Path]]]],
    inputs: Inputs,
    fleet: Fleet,
    settings: Measure,
    seconds: float,
    seed: int,
    work: Path,
    progress: Progress,
) -> tuple[list[Measured], list[Hole]]:
    """Measure groups of cells within `seconds`, runners restarted `settings.restarts` times: a process is a cluster.

    Returns the cells, and as holes those that a runtime cannot measure at all.
    """
    sessions = Sessions(fleet)
    groups = [Group(scenario, cells, inputs, fleet, sessions, seed) for scenario, cells in scenarios if cells]
    end = time.monotonic() + seconds
    for process in range(settings.restarts if groups else 0):
        sessions.drop()
        progress.part(f"measuring {groups[0].name.partition(':')[0]}: process {process + 1} of {settings.restarts}, loading and verifying")
        round_seconds = [group.prepare(work) for group in groups]
        left = max(0.0, end - time.monotonic()) / (settings.restarts - process)
        for group, share in zip(groups, schedule.shares(left, round_seconds, LEAST_ROUNDS), strict=True):
            progress.part(f"measuring {group.name}: process {process + 1} of {settings.restarts}, {len(group.entries)} cells")
            group.spend(share, process)
    sessions.drop()
    progress.done(seconds)
    entries = [entry for group in groups for entry in group.entries]
    return [summarise(entry) for entry in entries if entry.hole is None], [Hole(e.cell, e.hole) for e in entries if e.hole is not None]
