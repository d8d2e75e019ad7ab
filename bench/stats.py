"""Pure statistics: intervals and verdicts from numbers, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.results import ClaimJudged, Interval, PairedDrop
from contract.claim import Claim
from contract.manifest import Accuracy

CONFIDENCE = 0.95
# Samples from which a percentile may be printed: MLPerf's early stopping at 99 % confidence (measuring.md 2.4).
LEAST_FOR = {90: 64, 95: 130, 99: 662}


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


def percentile(samples: Sequence[int], percent: int) -> float | None:
    """A percentile as an observed sample (nearest rank), or None where there are too few samples for it (LEAST_FOR)."""
    if len(samples) < LEAST_FOR[percent]:
        return None
    return float(np.quantile(samples, percent / 100, method="inverted_cdf"))
