"""What an explanation consists of, as frozen dataclasses: explain-….json is this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.results import Interval, Verdict
from contract.matrix import Cell
from contract.protocol import Option

FORMAT = 1
PartKind = Literal["stage", "family", "outside"]


@dataclass(frozen=True)
class Look:
    """One look at one cell in one process, in nanoseconds per forward: timed without its profiler, then recorded by it.

    `wall`: median of one sample; `forward`: of the model alone, which is the whole sample but for e2e, whose other stages stand in
    `stages`. `recorded`: a forward while it is recorded. `nodes` by (name, kind).
    """

    process: int
    wall: float
    forward: float
    stages: dict[str, float]
    recorded: float
    operators: dict[str, float]
    calls: dict[str, float]
    nodes: dict[tuple[str, str], float]


@dataclass(frozen=True)
class Kind:
    """One operator kind of a cell, per forward: median over the looks."""

    op: str
    family: str
    calls: float
    ns: float


@dataclass(frozen=True)
class Node:
    """One node, or one layer of a torch model, per forward: median over the looks."""

    name: str
    op: str
    ns: float


@dataclass(frozen=True)
class Side:
    """One of the two cells. All numbers are medians over the looks, in nanoseconds per forward; `walls_ns`: one for each process.

    `overhead_ns`: what is left of a forward without its operators; negative when recording slows these down by more than that.
    """

    name: str
    label: str
    cell: Cell
    options: dict[str, Option]
    wall_ns: float
    walls_ns: tuple[float, ...]
    forward_ns: float
    recorded_ns: float
    operators_ns: float
    overhead_ns: float
    kinds: tuple[Kind, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Part:
    """One row of the account: the parts of a side add up to its wall time.

    `share`: of the difference of the two walls; `shares`: the same in each process. Empty and None where there is no difference to share.
    """

    name: str
    kind: PartKind
    a_ns: float
    b_ns: float
    share: float | None
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Standing:
    """What the stored run says of the two: `ratio` is the time of `a` over that of `b`, `mde` the smallest slow-down that it finds.

    `why_not`: why it says nothing.
    """

    ratio: Interval | None
    verdict: Verdict | None
    mde: float | None
    why_not: str | None


@dataclass(frozen=True)
class Explanation:
    """Two cells, and where the difference between them lies.

    `model`: what both are of, with the weights that it started from. `here`: the ratio as this look sees it, `ratios`: in each of its
    processes. `differ`: there is a difference that can be shared out.
    """

    run: str
    model: str
    a: Side
    b: Side
    stored: Standing
    here: Interval | None
    ratios: tuple[float, ...]
    differ: bool
    parts: tuple[Part, ...]
    processes: int
    looks: int
    images: int
    standing: str
    conclusion: str
    notes: tuple[str, ...]
    format: int = FORMAT
