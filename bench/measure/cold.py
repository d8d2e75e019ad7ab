"""Cold starts: fresh processes, one at a time and alone on the machine, from their start to their first answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np

from bench.fleet import Fleet
from bench.measure import campaign, sentinel
from bench.measure.campaign import Found, Site
from bench.measure.group import FIRST_SECONDS, Entry, check_answers, check_logits
from bench.measure.sessions import check_provider
from bench.measure.summary import summarise
from bench.parity.ask import read_answer
from bench.progress import Progress
from bench.results import Block
from bench.runner import Runner
from contract.errors import ConcordError, UnsupportedError
from contract.matrix import Cell, Hole, Measure, Scenario
from contract.protocol import LoadArgs, PredictArgs, TimeArgs, Timed

# From spawning to the answer of `hello`, then to that of each next question. All but the last add up to the sample.
STAGES = ("start", "load", "first forward", "second forward")
# More say little: the interval of a median narrows with the root of their number.
MOST_ROUNDS = 20

Scenarios = Sequence[tuple[Scenario, list[tuple[Cell, Path]]]]


def split(scenarios: Scenarios) -> tuple[Scenarios, list[tuple[Cell, Path]]]:
    """Scenarios that are measured in loaded sessions, and the cells that are started cold."""
    loaded = [(scenario, cells) for scenario, cells in scenarios if scenario.kind != "cold"]
    return loaded, [cell for scenario, cells in scenarios if scenario.kind == "cold" for cell in cells]


def budgets(sites: Iterable[tuple[Scenarios, Sequence[tuple[Cell, Path]]]], settings: Measure) -> tuple[Measure | None, float]:
    """What loaded sessions get (None: there are none to measure), and the seconds of cold starts: as much as any other scenario.

    `sites`: the cells of each, as `split` parts them.
    """
    parted = list(sites)
    others = {scenario.name for scenarios, _ in parted for scenario, cells in scenarios if cells}
    if not others:
        return None, settings.seconds
    seconds = settings.seconds / (len(others) + 1) if any(starts for _, starts in parted) else 0.0
    return replace(settings, seconds=settings.seconds - seconds), seconds


def measure(
    sites: Sequence[Site],
    fleet: Fleet,
    settings: Measure,
    seed: int,
    work: Path,
    progress: Progress,
    after: Callable[[list[Found]], None] = lambda _found: None,
) -> list[Found]:
    """All measuring of a run: loaded sessions first, then cold starts; returns one Found per site.

    `after` gets what was found so far after each generation of processes, and after each round of cold starts.
    """
    loaded, seconds = budgets([(site.scenarios, site.cold) for site in sites], settings)
    found = campaign.measure(sites, fleet, loaded, seed, work, progress, after) if loaded else [Found([], []) for _ in sites]
    starts = [Starts(site, fleet, seed, work) for site in sites]

    def so_far() -> list[Found]:
        return [_together(each, of.found()) for each, of in zip(found, starts, strict=True)]

    deadline = time.monotonic() + seconds
    while (chosen := next_round(starts, deadline - time.monotonic())) is not None:
        progress.part(f"measuring {chosen.site.name}: cold starts, round {chosen.rounds + 1}")
        chosen.round()
        progress.done(chosen.cost)
        after(so_far())
    fleet.stop(at_once=True)
    return so_far()


def next_round(starts: Sequence[Starts], left: float) -> Starts | None:
    """The site whose turn it is: the one with the fewest rounds among those that fit into `left` seconds; a first one always fits."""
    fitting = [each for each in starts if each.open and (each.rounds == 0 or each.cost <= left)]
    return min(fitting, key=lambda each: each.rounds, default=None)


class Starts:
    """The cold cells of one site while they are measured; `cost`: seconds of the last round."""

    def __init__(self, site: Site, fleet: Fleet, seed: int, work: Path) -> None:
        self.site, self.rounds, self.cost = site, 0, 0.0
        self.entries = [Entry(cell, model) for cell, model in site.cold]
        self._fleet, self._work = fleet, work
        self._random = Random(f"{site.name} cold {seed}")
        self._agreed = None if site.inputs.logits is None else site.inputs.logits[:1]
        self._image = work / "cold.npy"

    @property
    def open(self) -> bool:
        """Whether one more round is allowed, and a cell is left for it."""
        return self.rounds < MOST_ROUNDS and any(entry.alive for entry in self.entries)

    def round(self) -> None:
        """One fresh process of each cell, one after the other in an order drawn anew."""
        began, before = time.monotonic(), sentinel.read()
        np.save(self._image, np.load(self.site.inputs.tensor, mmap_mode="r")[:1])
        for entry in self._random.sample(self.entries, len(self.entries)):
            if entry.alive:
                self._guard(entry)
        cause = sentinel.cause(before, sentinel.read())
        for entry in self.entries if cause is not None else ():
            # Of all cells alike: what is left out for one side of a ratio is left out for the other.
            entry.blocks = [replace(block, disturbed=cause) if block.round == self.rounds else block for block in entry.blocks]
        self.rounds += 1
        self.cost = time.monotonic() - began

    def found(self) -> Found:
        """What was found so far."""
        tried = [entry for entry in self.entries if self.rounds]
        holes = [Hole(entry.cell, why) for entry in tried if (why := campaign.without_number(entry)) is not None]
        without = {hole.cell for hole in holes}
        cells = [
            summarise(entry.cell, "cold", entry.blocks, entry.options, entry.error, 1.0) for entry in tried if entry.cell not in without
        ]
        return Found(cells, holes)

    def _guard(self, entry: Entry) -> None:
        try:
            self._start(entry)
        except UnsupportedError as reason:
            entry.hole = reason.what
        except ConcordError as error:
            entry.error = str(error)

    def _start(self, entry: Entry) -> None:
        """One sample: a fresh process, and no other of Concord's runners."""
        self._fleet.stop(at_once=True)
        runner = self._fleet.runner(entry.cell.runtime)
        marks = [runner.began_ns, runner.answered_ns]
        loaded = runner.load(LoadArgs(str(entry.model), entry.cell.provider, self._fleet.options))
        marks.append(runner.answered_ns)
        forwards = []
        for _ in STAGES[2:]:
            forwards.append(self._forward(runner, loaded.id))
            marks.append(runner.answered_ns)
        check_provider(loaded, entry.cell.provider, str(entry.cell))
        self._verify(entry, runner, loaded.id, loaded.outputs[0].name, forwards)
        entry.options = dict(loaded.options)
        parts: dict[str, tuple[int, ...]] = {
            stage: (after - before,) for stage, (before, after) in zip(STAGES, pairwise(marks), strict=True)
        }
        entry.blocks.append(Block(self.rounds, self.rounds, 0, (marks[3] - marks[0],), marks[0], 0, parts, disturbed=None))

    def _forward(self, runner: Runner, id: str) -> Timed:
        asked = TimeArgs(
            id=id, scenario="latency", images=None, tensor=str(self._image), batch=1, warmup=0, samples=1, max_ns=None, split=False
        )
        return runner.time(asked, FIRST_SECONDS)

    def _verify(self, entry: Entry, runner: Runner, id: str, output: str, forwards: Sequence[Timed]) -> None:
        """Raise RunnerError where this process' answer is not the reference's, or where a timed forward gave another one."""
        out, where = self._work / "verify-cold.npz", str(entry.cell)
        answer = runner.predict(PredictArgs(id, None, str(self._image), 1, (), str(out)), FIRST_SECONDS)
        logits = read_answer(out, output, where)
        agreed = logits if self._agreed is None else self._agreed
        check_logits(logits, agreed, len(answer.crc32), 1, self.site.inputs.tolerance, where)
        self._agreed = agreed
        # On CUDA sums may come in another order from call to call: there the verified answer has to do.
        for timed in forwards if entry.cell.provider == "cpu" else ():
            check_answers(timed, answer.crc32, where)


def _together(one: Found, other: Found) -> Found:
    return Found([*one.cells, *other.cells], [*one.holes, *other.holes])
