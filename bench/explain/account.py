"""Where the difference between two cells lies: pure arithmetic over looks, in which the parts of a side add up to its wall time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log
from statistics import fmean, median
from typing import TypeVar

from bench.explain.families import FAMILIES, OTHER, family
from bench.explain.found import Kind, Look, Node, Part, PartKind, Side, Standing
from bench.results import Interval, Measured
from contract.protocol import STAGES

K = TypeVar("K")
BETWEEN, OUTSIDE = "between the stages", "outside of operators"
# Stages and families, in the order in which they are shown.
ORDER = ("read", *STAGES, "label", *FAMILIES, OTHER)


def side(name: str, label: str, measured: Measured, looks: Sequence[Look]) -> Side:
    """One cell: medians over its looks."""
    operators = _medians([look.operators for look in looks])
    calls = _medians([look.calls for look in looks])
    nodes = _medians([look.nodes for look in looks])
    forward = median(look.forward for look in looks)
    kinds = [Kind(op, family(op), calls[op], ns) for op, ns in operators.items()]
    return Side(
        name=name,
        label=label,
        cell=measured.cell,
        options=measured.options,
        wall_ns=median(look.wall for look in looks),
        walls_ns=tuple(median(look.wall for look in group) for group in by_process(looks)),
        forward_ns=forward,
        recorded_ns=median(look.recorded for look in looks),
        operators_ns=sum(operators.values()),
        overhead_ns=forward - sum(operators.values()),
        kinds=tuple(sorted(kinds, key=lambda kind: (-kind.ns, kind.op))),
        nodes=tuple(sorted((Node(*key, ns) for key, ns in nodes.items()), key=lambda node: (-node.ns, node.name))),
    )


def parts(a: Sequence[Look], b: Sequence[Look], *, differ: bool) -> tuple[Part, ...]:
    """The account of two cells, stages first, then families of operators, then what is left.

    `differ`: whether there is a difference to share; the shares of one that is noise would be noise.
    """
    whole = _rows(a, b)
    difference = sum(one - other for one, other in whole.values())
    each_process = [_rows(mine, theirs) for mine, theirs in zip(by_process(a), by_process(b), strict=True)]
    made = []
    for (kind, name), (one, other) in whole.items():
        shares = [_share(rows[kind, name], rows.values()) for rows in each_process] if differ else []
        made.append(Part(name, kind, one, other, (one - other) / difference if differ else None, tuple(shares)))
    return tuple(made)


def ratios(a: Sequence[Look], b: Sequence[Look]) -> tuple[float, ...]:
    """Time of `a` over that of `b` in each process: of its A B B A, so that linear drift cancels."""
    means = [[exp(fmean(log(look.wall) for look in group)) for group in by_process(looks)] for looks in (a, b)]
    return tuple(one / other for one, other in zip(*means, strict=True))


def differ(stored: Standing, here: Interval | None, each: Sequence[float]) -> bool:
    """Whether two cells differ: the run says so, and each process of this look (`each`, ratios), too, in the same direction.

    Where the run has too few processes to say anything, the interval of this look decides.
    """
    if stored.why_not is not None:
        return False
    if stored.ratio is None:
        return here is not None and not here.low <= 1 <= here.high
    if stored.verdict not in ("faster", "slower"):
        return False
    return all(ratio > 1 if stored.verdict == "slower" else ratio < 1 for ratio in each)


def by_process(looks: Sequence[Look]) -> list[list[Look]]:
    """Looks of one process together."""
    return [[look for look in looks if look.process == process] for process in sorted({look.process for look in looks})]


def _rows(a: Sequence[Look], b: Sequence[Look]) -> dict[tuple[PartKind, str], tuple[float, float]]:
    """(kind, name) -> nanoseconds of either side; together they are its wall time."""
    one, other = _parts_of(a), _parts_of(b)
    keys = [key for key in dict.fromkeys((*one, *other)) if key[0] != "outside"]
    keys.sort(key=lambda key: ORDER.index(key[1]) if key[1] in ORDER else -1)
    left = [key for key in dict.fromkeys((*one, *other)) if key[0] == "outside"]
    return {key: (one.get(key, 0.0), other.get(key, 0.0)) for key in (*keys, *left)}


def _parts_of(looks: Sequence[Look]) -> dict[tuple[PartKind, str], float]:
    stages = _medians([look.stages for look in looks])
    found: dict[tuple[PartKind, str], float] = {("stage", name): ns for name, ns in stages.items()}
    for op, ns in _medians([look.operators for look in looks]).items():
        found["family", family(op)] = found.get(("family", family(op)), 0.0) + ns
    forward, wall = median(look.forward for look in looks), median(look.wall for look in looks)
    if stages:
        found["outside", BETWEEN] = wall - forward - sum(stages.values())
    found["outside", OUTSIDE] = forward - sum(ns for (kind, _), ns in found.items() if kind == "family")
    return found


def _share(row: tuple[float, float], rows: Iterable[tuple[float, float]]) -> float:
    return (row[0] - row[1]) / sum(one - other for one, other in rows)


def _medians(each: Sequence[dict[K, float]]) -> dict[K, float]:
    """By key; what a look has not is 0 in it."""
    return {key: median(found.get(key, 0.0) for found in each) for key in dict.fromkeys(key for found in each for key in found)}
