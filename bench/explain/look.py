"""Look at two cells in turn, as they are measured: one runner awake at a time, the other frozen, in several processes of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.explain.found import Look
from bench.fleet import Fleet
from bench.measure.sessions import Sessions
from bench.progress import Progress
from bench.results import Measured
from contract.errors import UsageError
from contract.protocol import Loaded, ProfileArgs, TimeArgs

# A process is a cluster: two of the same program differ by up to a percent (measuring.md 0a). In each the cells are visited A B B A.
PROCESSES, VISITS = 3, (0, 1, 1, 0)
# A timed block, and a recorded one, last about so long; both are bounded, for slow forwards and for small ones.
BLOCK_NS, LEAST, MOST = 300_000_000, 3, 200
WARMUP = 2
SECONDS = 300.0
STAGE_OF_MODEL = "logits"


@dataclass(frozen=True)
class Asked:
    """One of the two cells: as the run measured it, its file, and what both are fed (images, and the same as one .npy tensor)."""

    measured: Measured
    model: Path
    images: tuple[str, ...]
    tensor: Path

    @property
    def forwards(self) -> int:
        """Forwards of a block."""
        return max(LEAST, min(MOST, math.ceil(BLOCK_NS / max(self.measured.middle_ns or 0.0, 1.0))))


def look_at(pair: Sequence[Asked], fleet: Fleet, progress: Progress) -> list[list[Look]]:
    """Looks at both cells, a list each. Raises ConcordError for what its runner answers, UsageError for options that are not the run's."""
    sessions = Sessions(fleet)
    found: list[list[Look]] = [[], []]
    for process in range(PROCESSES):
        sessions.drop()
        sessions.start(asked.measured.cell for asked in pair)
        for asked in pair:
            same_options(sessions.get(asked.measured.cell, asked.model), asked.measured)
        for number, side in enumerate(VISITS):
            progress.part(f"process {process + 1} of {PROCESSES}, look {number + 1} of {len(VISITS)}: {pair[side].measured.cell.runtime}")
            found[side].append(one_look(pair[side], sessions, process))
            progress.done(expected_seconds(pair) / PROCESSES / len(VISITS))
    sessions.drop()
    return found


def expected_seconds(pair: Sequence[Asked]) -> float:
    """What all looks may take: processes to be started, and in each look the timed forwards, and recorded ones that cost twice as much."""
    looks = PROCESSES * len(VISITS) / 2
    return PROCESSES * 8.0 + sum(looks * 3 * asked.forwards * (asked.measured.middle_ns or 0.0) / 1e9 for asked in pair)


def same_options(loaded: Loaded, measured: Measured) -> None:
    """Raise UsageError when a session is not made as the run made it."""
    for key, value in measured.options.items():
        if loaded.options.get(key, value) != value:
            raise UsageError(
                f"the run measured with {key} = {value}, and its runner has {loaded.options[key]} now",
                where=str(measured.cell),
                next="nox -s bench, and then explain that run",
            )


def one_look(asked: Asked, sessions: Sessions, process: int) -> Look:
    """Time a cell without its profiler, then record it."""
    cell, kind = asked.measured.cell, asked.measured.kind
    assert kind != "cold"  # bench.explain.standing refuses it
    loaded, runner, forwards = sessions.get(cell, asked.model), sessions.runner(cell), asked.forwards
    end_to_end = kind == "e2e"
    timed = runner.time(
        TimeArgs(
            id=loaded.id,
            scenario=kind,
            images=asked.images if end_to_end else None,
            tensor=None if end_to_end else str(asked.tensor),
            batch=cell.batch,
            warmup=WARMUP,
            samples=forwards,
            max_ns=None,
            split=end_to_end,
        ),
        SECONDS,
    )
    recorded = runner.profile(ProfileArgs(loaded.id, str(asked.tensor), cell.batch, forwards), SECONDS)
    stages = {name: float(np.median(samples)) for name, samples in (timed.split or {}).items()}
    wall = float(np.median(timed.samples))
    return Look(
        process=process,
        wall=wall,
        forward=stages.pop(STAGE_OF_MODEL, wall),
        stages=stages,
        recorded=recorded.wall_ns / forwards,
        operators={each.op: each.ns / forwards for each in recorded.operators},
        calls={each.op: each.calls / forwards for each in recorded.operators},
        nodes={(each.name, each.op): each.ns / forwards for each in recorded.nodes},
    )
