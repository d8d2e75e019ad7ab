"""Ratios of times, and what they allow to say: pure functions of the log ratios that each generation of processes gave.

The processes are the independent observations: each gives one ratio (bench.measure.polish), and many rounds of one process say nothing
of how the next one differs. So a Student t over processes stands behind every interval and test here; METHODOLOGY.md has its simulated
coverage, and that of the cluster bootstrap, which falls short with the few processes that a budget allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from bench.results import Interval, Verdict

CONFIDENCE = 0.95
# A t interval over two processes is wider than anything worth printing.
LEAST_PROCESSES = 3
# A contrast is called different at 1 % by itself, and at 5 % for the whole matrix after Holm's correction.
ALPHA, FAMILY_ALPHA = 0.01, 0.05
# Two one-sided tests for equivalence, each at 5 % (Schuirmann 1987).
EQUIVALENCE_ALPHA = 0.05
# The power at which a smallest detectable difference is stated.
POWER = 0.95


@dataclass(frozen=True)
class Evidence:
    """What the processes say of one contrast: the mean of their log ratios, their scatter, and their number."""

    centre: float
    sd: float
    processes: int

    @property
    def standard_error(self) -> float:
        """Of the mean log ratio."""
        return self.sd / math.sqrt(self.processes)


def evidence(log_ratios: Sequence[float]) -> Evidence | None:
    """The evidence in the log ratios of the processes, one each; None for fewer than 3 processes."""
    if len(log_ratios) < LEAST_PROCESSES:
        return None
    return Evidence(float(np.mean(log_ratios)), float(np.std(log_ratios, ddof=1)), len(log_ratios))


def interval(found: Evidence | None, share: float = 1.0, alpha: float = 1 - CONFIDENCE) -> Interval | None:
    """The ratio with its two-sided t interval; `share` of `alpha` is what this look may spend (1: there is only one look)."""
    if found is None:
        return None
    half = float(stats.t.ppf(1 - alpha * share / 2, found.processes - 1)) * found.standard_error
    return Interval(math.exp(found.centre), math.exp(found.centre - half), math.exp(found.centre + half))


def p_value(found: Evidence | None, share: float = 1.0) -> float:
    """Two-sided p of "the ratio is 1", weighted by the share of alpha that this look may spend; 1 without evidence.

    The smallest p / share over fixed looks is a p-value again, because the shares add up to 1 (weighted Bonferroni).
    """
    if found is None:
        return 1.0
    if found.standard_error == 0:
        return 1.0 if found.centre == 0 else 0.0
    return min(1.0, 2 * float(stats.t.sf(abs(found.centre) / found.standard_error, found.processes - 1)) / share)


def smallest_detectable(found: Evidence | None, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The MDE: the smallest slow-down, as a share, that a test at `alpha` finds with this `power` on evidence of this scatter."""
    if found is None:
        return None
    freedom = found.processes - 1
    bar = float(stats.t.isf(alpha / 2, freedom))
    # How many standard errors an effect must be for t, which is then noncentral, to exceed the bar so often.
    size = optimize.brentq(lambda each: stats.nct.sf(bar, freedom, each) - power, 0.0, 4 * bar + 10)
    return math.expm1(size * found.standard_error)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: those <= a are significant while all errors together stay below a (Holm 1979)."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def spending(looks: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The share of alpha that each look may spend, by the O'Brien-Fleming-like function of Lan and DeMets (1983).

    `looks`: fractions of the budget, rising, the last one 1. The shares add up to 1; early looks get little, so that looking costs little.
    """
    spent = [2 * float(stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(look))) / alpha for look in looks]
    return [now - before for before, now in zip([0.0, *spent], spent, strict=False)]


def verdict(found: Evidence | None, equivalent: float, p: float, family_p: float, share: float = 1.0) -> Verdict:
    """What the evidence allows to say.

    Equivalent: the 90 % interval lies within +-`equivalent` (two one-sided tests at 5 %). Else faster or slower where the ratio differs
    from 1 at 1 % by itself (`p`) and at 5 % in the family of all contrasts (`family_p`, after Holm). Else inconclusive.
    """
    inner = interval(found, share, 2 * EQUIVALENCE_ALPHA)
    if found is None or inner is None:
        return "inconclusive"
    if 1 - equivalent < inner.low and inner.high < 1 + equivalent:
        return "equivalent"
    if p > ALPHA or family_p > FAMILY_ALPHA:
        return "inconclusive"
    return "faster" if found.centre < 0 else "slower"
