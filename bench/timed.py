"""results.json: what was timed. Others import these from bench.results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contract.matrix import Cell
from contract.protocol import Option

ScenarioKind = Literal["latency", "throughput", "load", "e2e", "cold"]
GateVerdict = Literal["passes", "slower", "inconclusive", "refused", "not comparable"]
Verdict = Literal["faster", "slower", "equivalent", "inconclusive"]


@dataclass(frozen=True)
class Block:
    """Consecutive samples of one cell in one process: `process` counts restarts, `round` the palindromic rounds.

    Of `cold` each block is a process of its own, `round` numbers them, and there are no halves. `began_ns`: when it was asked for, by this
    machine's monotonic clock. `split_ns`: of each sample, by stage (e2e, cold). `idle_ns`: CPU time that the frozen runners used meanwhile.
    `disturbed`: the cause for which the whole round does not count.
    """

    process: int
    round: int
    half: Literal[0, 1]
    samples_ns: tuple[int, ...]
    began_ns: int
    idle_ns: int
    split_ns: dict[str, tuple[int, ...]]
    disturbed: str | None


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """One cell: raw samples, and what may be said of them.

    `middle_ns` is the median; `median_ns` has its interval and is None for fewer than 6 samples. `percentiles_ns`: by percent, None where
    there are too few samples. `alpha_share`: what the look that ended this cell's measuring may spend of alpha. Disturbed blocks are kept,
    and count in no number.
    """

    cell: Cell
    error: str | None
    blocks: tuple[Block, ...]
    options: dict[str, Option]
    samples: int
    middle_ns: float | None
    median_ns: Interval | None
    percentiles_ns: dict[str, float | None]
    images_per_second: Interval | None
    split_ns: dict[str, float]
    kind: ScenarioKind
    alpha_share: float


@dataclass(frozen=True)
class Contrast:
    """Two cells compared: `ratio` is time of `cell` over time of `base` (bench.measure.polish), below 1 is faster.

    `p`: of "the ratio is 1", by itself; `family_p`: after Holm's correction for all contrasts of the run. `mde`: the smallest slow-down, as
    a share, that a test at 1 % finds with a power of 95 % on processes that scatter as these did.
    """

    cell: Cell
    base: Cell
    factor: Literal["runtime", "variant", "release"]
    ratio: Interval | None
    p: float
    family_p: float
    mde: float | None
    verdict: Verdict | None
    processes: int
    rounds: int
    not_comparable: str | None
    same_graph: bool


@dataclass(frozen=True)
class Control:
    """Two files with the same graph in one runtime, timed as if they were two programs: whatever they seem to differ by is noise.

    `different`: whether they were called so, at 1 %; None where there were too few processes to call anything.
    """

    cell: Cell
    other: Cell
    ratio: Interval | None
    p: float
    different: bool | None


@dataclass(frozen=True)
class Noise:
    """How wrong this run's measuring was, by its own controls.

    `alarms` of `controls` pairs of equal programs were called different; `bound`: one-sided exact upper bound on that rate, at 95 %.
    `mde`: median over the contrasts. `disturbed` of `rounds` did not count. `frozen_share`: CPU time of the frozen runners as a share of
    the time that the others were measured.
    """

    controls: tuple[Control, ...]
    alarms: int
    judged: int
    bound: float | None
    mde: float | None
    rounds: int
    disturbed: dict[str, int]
    frozen_share: float


@dataclass(frozen=True)
class OldFile:
    """A file of this run and the stored run's file of the same name. `same_program`: one graph, whatever their weights."""

    dataset: str
    backbone: str
    variant: str
    sha256: str
    old_sha256: str
    same_program: bool


@dataclass(frozen=True)
class GateRow:
    """What the gate says of one cell, measured beside the same cell with the old file; `why`: where it says nothing."""

    cell: Cell
    verdict: GateVerdict
    why: str


@dataclass(frozen=True)
class Gate:
    """The stored run that was gated against, and the largest slow-down that is allowed, as a share.

    `same_cpu`: whether that run's own times, of which none is used here, were taken on a CPU with the same flags.
    """

    old: str
    threshold: float
    same_cpu: bool
    files: tuple[OldFile, ...]
    rows: tuple[GateRow, ...]
