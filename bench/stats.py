"""Pure statistics: intervals and verdicts from numbers, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.results import ClaimJudged, Interval, PairedDrop, Verdict
from contract.claim import Claim
from contract.manifest import Accuracy

CONFIDENCE = 0.95
# A t interval over two processes is wider than anything worth printing.
LEAST_PROCESSES = 3
# Samples from which a percentile may be printed: MLPerf's early stopping at 99 % confidence (measuring.md 2.4).
LEAST_FOR_P95 = 130


def wilson(correct: int, total: int) -> Accuracy:
    """Share of correct answers with its two-sided Wilson interval at 95 %. Raises ValueError for total < 1."""
    interval = stats.binomtest(correct, total).proportion_ci(CONFIDENCE, method="wilson")
    return Accuracy(correct, total, float(interval.low), float(interval.high))


def share_bound(count: int, images: int, confidence: float = CONFIDENCE) -> float:
    """One-sided exact (Clopper-Pearson) upper bound on the share of images of which `count` were seen. Raises ValueError for images < 1."""
    return float(stats.binomtest(count, images, alternative="less").proportion_ci(confidence, method="exact").high)


def images_needed(claim: Claim) -> int:
    """The fewest images that support a claim when not one of them speaks against it."""
    # The exact bound for none of N is 1 - (1 - confidence)^(1/N), so this is N but for the last rounding.
    images = max(1, math.floor(math.log1p(-claim.confidence) / math.log1p(-claim.share)) - 1)
    while share_bound(0, images, claim.confidence) >= claim.share:
        images += 1
    return images


def judge_claim(claim: Claim, disagreeing: int, lost: int | None, images: int) -> ClaimJudged:
    """Whether so many images support a claim: `disagreeing` got another label, `lost` a wrong one instead of a right one.

    Images without labels (`lost` None) support no claim about accuracy.
    """
    count = lost if claim.about == "accuracy drop" else disagreeing
    bound = 1.0 if count is None else share_bound(count, images, claim.confidence)
    return ClaimJudged(str(claim), bound, images_needed(claim), supported=bound < claim.share)


def paired_drop(reference: Sequence[bool], answers: Sequence[bool]) -> PairedDrop:
    """How much accuracy falls on the same images, with a one-sided upper bound at 95 %.

    `reference`, `answers`: per image, whether the label was right. The drop is (lost - gained) / N, and it is at most the share of lost
    ones, whose exact bound therefore holds for it: what was gained by chance is not counted against what was lost. Raises ValueError for
    no images.
    """
    lost = sum(was and not is_now for was, is_now in zip(reference, answers, strict=True))
    gained = sum(is_now and not was for was, is_now in zip(reference, answers, strict=True))
    return PairedDrop(lost, gained, (lost - gained) / len(reference), share_bound(lost, len(reference)))


def median_interval(samples: Sequence[int] | Sequence[float] | NDArray[np.float64]) -> Interval | None:
    """Median and its distribution-free order-statistic interval at >= 95 %; None for fewer than 6 samples (none exists)."""
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    count = len(ordered)
    rank = int(stats.binom.ppf((1 - CONFIDENCE) / 2, count, 0.5))
    # P(X < rank) <= 2.5 %: the rank-th smallest and largest bracket the median with at least 95 %.
    if rank < 1 or stats.binom.cdf(rank - 1, count, 0.5) > (1 - CONFIDENCE) / 2:
        return None
    return Interval(float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[count - rank]))


def percentile95(samples: Sequence[int]) -> float | None:
    """The 95th percentile as an observed sample (nearest rank), or None where there are too few."""
    if len(samples) < LEAST_FOR_P95:
        return None
    return float(sorted(samples)[math.ceil(0.95 * len(samples)) - 1])


def quad_log_ratio(cell: tuple[Sequence[int], Sequence[int]], base: tuple[Sequence[int], Sequence[int]]) -> float:
    """Log ratio of one ABBA quad from its block medians: half the sum of the logs, so that linear drift cancels (measuring.md 2.2)."""
    logs = [math.log(float(np.median(block))) for block in (*cell, *base)]
    return 0.5 * (logs[0] + logs[1] - logs[2] - logs[3])


def ratio_interval(log_ratios: Sequence[Sequence[float]]) -> Interval | None:
    """Ratio with its 95 % t interval over processes.

    `log_ratios`: the quads of each generation of processes. The processes are the independent observations: each gives the median of its
    quads, and quads of one process say nothing of how the next one differs. (Resampling quads instead covered the truth in 39-87 % of
    simulated cases.) None for fewer than 3 generations.
    """
    medians = [float(np.median(quads)) for quads in log_ratios if len(quads)]
    if len(medians) < LEAST_PROCESSES:
        return None
    centre = float(np.mean(medians))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(medians) - 1)) * float(np.std(medians, ddof=1)) / math.sqrt(len(medians))
    return Interval(math.exp(centre), math.exp(centre - half), math.exp(centre + half))


def verdict(ratio: Interval | None, equivalent: float) -> Verdict:
    """What an interval of a time ratio allows to say: equivalent when it lies within +-`equivalent`, else by the side of 1 it lies on."""
    if ratio is None:
        return "inconclusive"
    if 1 - equivalent < ratio.low and ratio.high < 1 + equivalent:
        return "equivalent"
    if ratio.high < 1:
        return "faster"
    return "slower" if ratio.low > 1 else "inconclusive"
