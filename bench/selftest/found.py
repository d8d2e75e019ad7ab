"""What a self-test tries, and what it found: live comparisons by slow-down, and the replayed ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench import stats
from bench.ground import Ground
from bench.resume import FORMAT
from bench.selftest.pair import Compared
from bench.selftest.replay import Replayed


@dataclass(frozen=True)
class Pairs:
    """So many comparisons with one slow-down, each of so many seconds."""

    slowdown: float
    seconds: float
    count: int


@dataclass(frozen=True)
class Plan:
    """What decides what each comparison is, beside the ground that it stands on: the settings of matrix.toml and the command line."""

    subject: str
    variant: str
    pairs: tuple[Pairs, ...]
    restarts: int
    equivalent: float
    seed: int

    def each(self) -> list[Pairs]:
        """The comparisons in order; the number of one is added to the seed."""
        return [pairs for pairs in self.pairs for _ in range(pairs.count)]


@dataclass(frozen=True)
class Live:
    """All comparisons of one slow-down. `right`: called slower (for 0: called nothing or equivalent). `wrong`: called the opposite.

    `covered`: 95 % intervals that hold the slow-down that was put in. `half_width`: median half width of them, as a share;
    None where no comparison had processes enough.
    """

    slowdown: float
    seconds: float
    trials: int
    right: int
    wrong: int
    covered: int
    processes: float
    half_width: float | None

    @property
    def right_bound(self) -> float:
        """One-sided exact lower bound on the share of right verdicts, at 95 %."""
        return 1 - stats.share_bound(self.trials - self.right, self.trials)

    @property
    def covered_bound(self) -> float:
        """One-sided exact lower bound on the share of 95 % intervals that hold what was put in, at 95 %."""
        return 1 - stats.share_bound(self.trials - self.covered, self.trials)

    @property
    def wrong_bound(self) -> float:
        """One-sided exact upper bound on the share of wrong verdicts, at 95 %."""
        return stats.share_bound(self.wrong, self.trials)


@dataclass(frozen=True)
class SelfTest:
    """A self-test as far as it has come; `replayed` is None until enough live pairs of equal programs were timed."""

    subject: str
    machine: str
    live: tuple[Live, ...]
    replayed: Replayed | None
    compared: tuple[Compared, ...]
    plan: Plan
    ground: Ground
    format: int = FORMAT

    @property
    def finished(self) -> bool:
        """Whether all comparisons were made."""
        return len(self.compared) >= len(self.plan.each())


def live(compared: Sequence[Compared]) -> Iterator[Live]:
    """One row for each slow-down, in the order in which they were tried."""
    for slowdown in dict.fromkeys(each.slowdown for each in compared):
        trials = [each for each in compared if each.slowdown == slowdown]
        verdicts = [each.contrast.verdict for each in trials]
        good, bad = (("inconclusive", "equivalent"), ("slower", "faster")) if slowdown == 0 else (("slower",), ("faster",))
        intervals = [each.contrast.ratio for each in trials if each.contrast.ratio is not None]
        yield Live(
            slowdown=slowdown,
            seconds=trials[0].seconds,
            trials=len(trials),
            right=sum(verdict in good for verdict in verdicts),
            wrong=sum(verdict in bad for verdict in verdicts),
            covered=sum(each.low <= 1 + slowdown <= each.high for each in intervals),
            processes=float(np.median([each.contrast.processes for each in trials])),
            half_width=float(np.median([(each.high - each.low) / 2 / each.value for each in intervals])) if intervals else None,
        )
