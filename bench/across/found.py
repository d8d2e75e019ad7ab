"""What a comparison of two stored runs finds, as frozen dataclasses; the first run is `one`, the second `other`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.timed import Interval
from contract.manifest import Accuracy
from contract.matrix import Cell


@dataclass(frozen=True)
class Side:
    """A run: when it began, what was asked, how it ended; `weights`: what each dataset/backbone started from, where that is known."""

    run: str
    started: str
    command: str
    exit_code: int
    weights: dict[str, str]


@dataclass(frozen=True)
class Difference:
    """Something of the machine, the software, the models or the options that is not the same.

    Lists are cut to what only one side has. `rule`: what it means for times (None: it is not a runner's report).
    """

    where: str
    key: str
    one: str
    other: str
    rule: Literal["must-equal", "explained-by runtime", "recorded"] | None


@dataclass(frozen=True)
class Row:
    """One variant in one runtime on one data set and backbone: what parity compares."""

    dataset: str
    backbone: str
    variant: str
    runtime: str
    provider: str


@dataclass(frozen=True)
class VerdictMoved:
    """A row of parity with another verdict, and the images that get another label; None where a run has no such row."""

    row: Row
    one: str | None
    other: str | None
    one_differ: str
    other_differ: str


@dataclass(frozen=True)
class AccuracyMoved:
    """Other counts of right answers; `runtime` and `variant` of the reference are "reference" and "eager"."""

    row: Row
    one: Accuracy
    other: Accuracy


@dataclass(frozen=True)
class RatioPair:
    """The ratio of two cells, as each run measured it side by side; `why`: where a run has none. `overlap`: of the intervals."""

    cell: Cell
    base: Cell
    factor: Literal["runtime", "variant", "release"]
    one: Interval | None
    other: Interval | None
    one_why: str
    other_why: str
    overlap: bool | None


@dataclass(frozen=True)
class OnlyIn:
    """A cell with a number in one run alone, and why the other has none."""

    cell: Cell
    run: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """Two runs. `refused`: the keys for which times of the cells in both must not be compared; `cells`, `rows`: how many are in both."""

    one: Side
    other: Side
    differences: tuple[Difference, ...]
    refused: tuple[str, ...]
    cells: int
    rows: int
    verdicts: tuple[VerdictMoved, ...]
    accuracies: tuple[AccuracyMoved, ...]
    ratios: tuple[RatioPair, ...]
    only: tuple[OnlyIn, ...]
