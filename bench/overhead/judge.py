"""Ratios within processes, intervals over them, and the goals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.ratios import evidence, interval
from bench.results import Interval, Measured
from contract.overhead import Counted

Counts = Mapping[str, Sequence[Counted]]
# What a runner makes a sample of, and what it is held against: the call without anything around it, which only Rust can make.
TIMED, BARE = "timed", ("ort-rust", "bare")


@dataclass(frozen=True)
class Goal:
    """`way` takes at most `most` times as long as `base`, or, without a base, at most `most` nanoseconds a call."""

    about: str
    runtime: str
    way: str
    base: str | None
    most: float


@dataclass(frozen=True)
class Judged:
    """A goal, what was found, and what the interval allows to say; `found` is None for fewer processes than an interval needs."""

    goal: Goal
    found: Interval | None
    verdict: Literal["met", "not met", "inconclusive"]


GOALS = (
    Goal("Rust with a preallocated output, against the bare call", "ort-rust", "preallocated", "bare", 1.4),
    Goal("Python as `time` samples it, against a bare loop over `run`", "ort-python", TIMED, "run", 1.1),
    Goal("an empty stopwatch in Rust", "ort-rust", "empty", None, 100.0),
    Goal("an empty stopwatch in Python", "ort-python", "empty", None, 100.0),
)


def judge(counts: Counts, goals: Sequence[Goal] = GOALS) -> tuple[Judged, ...]:
    """Each goal: met or not met only where the whole interval says so."""
    return tuple(_judged(goal, counts[goal.runtime]) for goal in goals)


def _judged(goal: Goal, processes: Sequence[Counted]) -> Judged:
    found = per_call(processes, goal.way) if goal.base is None else ratio(processes, goal.way, goal.base)
    if found is None or found.low <= goal.most < found.high:
        return Judged(goal, found, "inconclusive")
    return Judged(goal, found, "met" if found.high <= goal.most else "not met")


def per_call(processes: Sequence[Counted], way: str) -> Interval | None:
    """Nanoseconds a call: the median block of each process, and their geometric mean with its 95 % interval over processes."""
    return interval(evidence([median(math.log(ns / counted.calls) for ns in counted.ways[way]) for counted in processes]))


def ratio(processes: Sequence[Counted], way: str, base: str) -> Interval | None:
    """Time of `way` over time of `base` in the same round, the median of each process, with the interval over processes."""
    rounds = (zip(counted.ways[way], counted.ways[base], strict=True) for counted in processes)
    return interval(evidence([median(math.log(one / other) for one, other in each) for each in rounds]))


def middle(processes: Sequence[Counted], way: str) -> float:
    """Nanoseconds a call: the median over processes of their median blocks."""
    return median(median(counted.ways[way]) / counted.calls for counted in processes)


def added(counts: Counts, runtime: str) -> float:
    """Nanoseconds that a runtime adds to each sample: its sample of the null model less the bare call; what a bare call costs, all pay."""
    runtime_of_bare, way = BARE
    return middle(counts[runtime], TIMED) - middle(counts[runtime_of_bare], way)


def share(cell: Measured, counts: Counts) -> float | None:
    """Part of a cell's median latency that its runtime adds; None for a cell that was not counted, is no forward, or has no number."""
    forward = cell.kind in ("latency", "throughput") and cell.cell.provider == "cpu"
    if cell.middle_ns is None or not forward or cell.cell.runtime not in counts:
        return None
    return added(counts, cell.cell.runtime) / cell.middle_ns
