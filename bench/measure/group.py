"""One group of cells that are compared with each other: verify the answers, then take rounds of blocks within a budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.measure import pairs, schedule, sentinel
from bench.measure.sessions import Sessions
from bench.parity import compare
from bench.parity.ask import read_answer
from bench.results import Block
from bench.runner import RunnerError
from contract.errors import ConcordError, UnsupportedError
from contract.matrix import Cell, Scenario
from contract.protocol import Loaded, Option, PredictArgs, TimeArgs, Timed

# A question may take so many times as long as was seen before; the first ones load caches, and nothing is known of them.
PATIENCE, LEAST_SECONDS, FIRST_SECONDS = 40, 60.0, 300.0


@dataclass(frozen=True)
class Inputs:
    """What is timed: image files, the same images as one tensor (.npy), and the logits that are right, where a reference said so.

    `logits` None: no reference exists (a foreign model), and the first runtime's answer is what the others must repeat.
    """

    images: tuple[str, ...]
    tensor: Path
    logits: compare.Logits | None
    tolerance: float


@dataclass
class Entry:
    """A cell while it is measured. `expected`: crc32 of its runner's own verified answer, forward by forward."""

    cell: Cell
    model: Path
    expected: tuple[int, ...] = ()
    sample_ns: float = 0.0
    blocks: list[Block] = field(default_factory=list)
    options: dict[str, Option] = field(default_factory=dict)
    error: str | None = None
    hole: str | None = None
    # The share of alpha that the look may spend at which this cell's measuring ended (bench.ratios.spending).
    alpha_share: float = 1.0

    @property
    def alive(self) -> bool:
        """Whether it can still be measured."""
        return self.error is None and self.hole is None


class Group:
    """Cells of one scenario, batch, backbone and provider."""

    def __init__(self, scenario: Scenario, cells: list[tuple[Cell, Path]], inputs: Inputs, sessions: Sessions, seed: int) -> None:
        first = cells[0][0]
        self.name = f"{first.dataset}/{first.backbone} on {first.provider}: {scenario.name}-{first.batch}"
        self.scenario, self.inputs, self.sessions = scenario, inputs, sessions
        self.entries = [Entry(cell, model) for cell, model in cells]
        self.load = scenario.kind == "load"
        self.closed = False
        # By the monotonic clock: no round begins after it, owed or not.
        self.deadline = math.inf
        self.contrasts = max(1, pairs.count([entry.cell for entry in self.entries]))
        self._runtimes: Sequence[str] = [entry.cell.runtime for entry in self.entries]
        self._credit = 0.0
        self._rounds = schedule.rounds(len(self.entries), f"{self.name} {seed}")
        # By "is it the old file of a gate": that has other weights, and its own first answer is what the others must repeat.
        self._agreed: dict[bool, compare.Logits | None] = {False: inputs.logits, True: None}

    @property
    def alive(self) -> bool:
        """Whether more rounds could say more: not every contrast is decided, and a cell is left."""
        return not self.closed and any(entry.alive for entry in self.entries)

    def close(self, alpha_share: float) -> None:
        """Take no more rounds: this look, which may spend so much of alpha, is the last one."""
        self.closed = True
        for entry in self.entries:
            entry.alpha_share = alpha_share

    def choose(self, runtimes: Sequence[str]) -> list[Entry]:
        """Measure the cells of these runtimes only, until others are chosen; returns those that still can be."""
        self._runtimes = runtimes
        return self._here

    @property
    def _here(self) -> list[Entry]:
        return [entry for entry in self.entries if self._takes_part(entry)]

    @property
    def round_seconds(self) -> float:
        """What a round of the chosen cells is expected to take."""
        return schedule.round_ns([entry.sample_ns for entry in self._here], load=self.load) / 1e9

    def _takes_part(self, entry: Entry) -> bool:
        return entry.alive and entry.cell.runtime in self._runtimes

    def prepare(self, work: Path) -> None:
        """Load every chosen cell in this generation of processes, its answers verified.

        On the CPU the answers of a verified process are every later one's, to the last bit: what differs is an error of the first sample.
        """
        for entry in self._here:
            self._guard(entry, partial(self._prepare, work=work))

    def spend(self, seconds: float, process: int, *, at_least: int) -> None:
        """Take as many rounds as fit what this group has earned, or `at_least` so many; what it does not use, or uses too much, it keeps.

        So a group whose round takes long sits out until it has earned one.
        """
        self._credit += seconds
        expected = self.round_seconds
        taken = 0
        while self._here and (taken < at_least or expected <= self._credit) and time.monotonic() < self.deadline:
            started = time.monotonic()
            self._round(process)
            # The time of a round by the clock: between its blocks runners are frozen and thawed, and asked.
            expected = time.monotonic() - started
            self._credit -= expected
            taken += 1

    def _round(self, process: int) -> None:
        before = sentinel.read()
        turns = next(self._rounds)
        # Once for the round: whoever fails in the middle of it changes nothing for the others.
        lengths = [entry.sample_ns for entry in self._here]
        samples, warmup = schedule.samples_per_block(lengths), schedule.warm_samples(lengths, load=self.load)
        for turn in turns:
            entry = self.entries[turn.cell]
            if self._takes_part(entry):
                self._guard(entry, partial(self._block, turn=turn, process=process, samples=samples, warmup=warmup))
        cause = sentinel.cause(before, sentinel.read())
        if cause is not None:
            self._disturbed(process, turns[0].round, cause)

    def _disturbed(self, process: int, number: int, cause: str) -> None:
        """Mark a round of all cells alike: what is left out for one side of a ratio is left out for the other."""
        for entry in self.entries:
            entry.blocks = [
                replace(block, disturbed=cause) if (block.process, block.round) == (process, number) else block for block in entry.blocks
            ]

    def _guard(self, entry: Entry, work: Callable[[Entry], None]) -> None:
        try:
            work(entry)
        except UnsupportedError as reason:
            entry.hole = reason.what
        except ConcordError as error:
            entry.error = str(error)
            if isinstance(error, RunnerError):
                # The runner may be dead or out of step: what else it is asked, a fresh one answers.
                self.sessions.drop(entry.cell)

    def _prepare(self, entry: Entry, work: Path) -> None:
        loaded = self.sessions.get(entry.cell, entry.model)
        if entry.cell.variant.endswith(pairs.OLD):
            self._must_fit(loaded)
        entry.options = dict(loaded.options)
        if not entry.expected or entry.cell.provider != "cpu":
            entry.expected = (0,) if self.load else self._verify(entry, loaded, work)
        if not entry.sample_ns:
            # The smaller of two: a moment in which the machine stands still would shorten all blocks of this cell, and of no other.
            # Of `load` each sample is a whole new session, and costs seconds with a large model.
            entry.sample_ns = float(min(self._time(entry, samples=1 if self.load else 2, warmup=0).samples))

    def _must_fit(self, loaded: Loaded) -> None:
        """Raise UnsupportedError for a model of another input size: an old file may have been made for other images."""
        takes, given = loaded.inputs[0].shape[1:], np.load(self.inputs.tensor, mmap_mode="r").shape[1:]
        fits = len(takes) == len(given) and all(have in (None, want) for have, want in zip(takes, given, strict=True))
        if self.scenario.kind in ("latency", "throughput") and not fits:
            raise UnsupportedError(f"takes {'x'.join(map(str, takes))}, and {'x'.join(map(str, given))} is timed")

    def _verify(self, entry: Entry, loaded: Loaded, work: Path) -> tuple[int, ...]:
        """The runner's answer to the very inputs that will be timed, checked against the reference's."""
        out = work / f"verify-{entry.cell.runtime}.npz"
        end_to_end, batch = self.scenario.kind == "e2e", entry.cell.batch
        tensor = np.load(self.inputs.tensor)
        # Timed images come in turn, from batch to batch: repeated until a batch ends where the images do, every forward is verified.
        times = batch // math.gcd(batch, len(tensor))
        repeated = work / "verify.npy"
        np.save(repeated, np.concatenate([tensor] * times))
        asked = PredictArgs(
            id=loaded.id,
            images=self.inputs.images * times if end_to_end else None,
            tensor=None if end_to_end else str(repeated),
            batch=batch,
            outputs=(),
            out=str(out),
        )
        answer = self.sessions.runner(entry.cell).predict(asked, FIRST_SECONDS)
        logits = read_answer(out, loaded.outputs[0].name, str(entry.cell))
        old = entry.cell.variant.endswith(pairs.OLD)
        agreed = self._agreed[old]
        if agreed is None:
            agreed = logits[: len(tensor)]
        expected = np.concatenate([agreed] * times)
        check_logits(logits, expected, len(answer.crc32), batch, self.inputs.tolerance, str(entry.cell))
        self._agreed[old] = agreed
        return answer.crc32

    def _time(self, entry: Entry, *, samples: int, warmup: int, first: int = 0) -> Timed:
        kind, images = self.scenario.kind, self.inputs.images
        assert kind != "cold"  # bench.measure.cold
        asked = TimeArgs(
            id=self.sessions.get(entry.cell, entry.model).id,
            scenario=kind,
            images=(*images[first:], *images[:first]) if kind == "e2e" else None,
            tensor=str(self.inputs.tensor) if kind in ("latency", "throughput") else None,
            batch=entry.cell.batch,
            warmup=warmup,
            samples=samples,
            max_ns=None,
            split=kind == "e2e",
        )
        expected = entry.sample_ns / 1e9 * (samples + warmup)
        return self.sessions.runner(entry.cell).time(asked, max(LEAST_SECONDS, PATIENCE * expected) if expected else FIRST_SECONDS)

    def _block(self, entry: Entry, turn: schedule.Turn, process: int, samples: int, warmup: int) -> None:
        if not self.load and entry.blocks and entry.blocks[-1].process != process:
            warmup = max(warmup, 1)  # the very first forward of a process, which only the first process has had when it was verified
        # Images cost differently: in a round all cells take the same ones, and each round begins with the next.
        first = turn.round % len(self.inputs.images) if self.scenario.kind == "e2e" else 0
        frozen = self.sessions.frozen_beside(entry.cell)
        began, idle = time.monotonic_ns(), sentinel.cpu_ns(frozen)
        timed = self._time(entry, samples=samples, warmup=warmup, first=first)
        idle = sentinel.cpu_ns(frozen) - idle
        if bool(timed.split) != (self.scenario.kind == "e2e"):
            raise RunnerError(f"tells {'the' if timed.split else 'no'} stages of {self.scenario.kind}", where=str(entry.cell))
        # On CUDA sums may come in another order from call to call: there the verified answer has to do.
        if entry.cell.provider == "cpu":
            check_answers(timed, (*entry.expected[first:], *entry.expected[:first]), str(entry.cell))
        entry.blocks.append(Block(process, turn.round, turn.half, timed.samples, began, idle, timed.split or {}, disturbed=None))


def check_logits(logits: compare.Logits, right: compare.Logits, forwards: int, batch: int, tolerance: float, where: str) -> None:
    """Raise RunnerError where the answer to the timed inputs, in so many forwards, is not what is `right`."""
    if not np.isfinite(logits).all():
        raise RunnerError("answers the timed inputs with NaN or infinity", where=where)
    if logits.shape != right.shape or forwards != len(logits) // batch:
        said = f"{forwards} forwards, logits of shape {logits.shape} and not {right.shape}"
        raise RunnerError(f"answers the timed inputs wrongly: {said}", where=where)
    difference = float(np.max(np.abs(logits.astype(np.float64) - right)))
    if not difference <= tolerance:
        raise RunnerError(f"answers the timed inputs wrongly: off by {difference:.3g}", where=where)


def check_answers(timed: Timed, expected: tuple[int, ...], where: str) -> None:
    """Raise RunnerError when a timed sample's checksum is not that of the verified answer: a wrong answer is no measurement."""
    for index, checksum in enumerate(timed.crc32):
        if checksum != expected[index % len(expected)]:
            raise RunnerError(f"sample {index} has another answer than the verified one", where=where)
