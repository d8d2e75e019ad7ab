"""Stated claims and the accuracy drop: exact numbers, and what the gate makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench import run, stats
from bench.report import tables, words
from bench.report.summary import headline
from bench.results import ClaimJudged
from contract.claim import Claim
from contract.errors import UsageError
from contract.matrix import Parity
from tests.bench import fakes, made
from tests.bench.fleets import gate

ONE_PERCENT = Claim("disagreement", 0.01, 0.95)


@pytest.mark.parametrize(("share", "needed"), [(0.01, 299), (0.003, 998), (0.001, 2995), (0.5, 5)])
def test_images_needed(share, needed):
    """The figures of parity.md 2.3; 0.5: 1 - 0.05^(1/4) = 0.527, 1 - 0.05^(1/5) = 0.451."""
    assert stats.images_needed(Claim("disagreement", share, 0.95)) == needed


def test_needed_is_the_first_number_whose_bound_is_below():
    for share in (0.02, 0.0123, 0.3):
        for confidence in (0.9, 0.95, 0.999):
            needed = stats.images_needed(Claim("disagreement", share, confidence))
            assert stats.share_bound(0, needed, confidence) < share <= stats.share_bound(0, needed - 1, confidence)


def test_a_claim_is_judged_by_the_share_that_it_is_about():
    assert stats.judge_claim(ONE_PERCENT, 0, 0, 299) == ClaimJudged(str(ONE_PERCENT), stats.share_bound(0, 299), 299, supported=True)
    assert not stats.judge_claim(ONE_PERCENT, 1, 0, 299).supported
    assert not stats.judge_claim(ONE_PERCENT, 0, 0, 298).supported
    drop = replace(ONE_PERCENT, about="accuracy drop")
    assert stats.judge_claim(drop, 7, 0, 299).supported  # labels changed, none of them from right to wrong
    assert not stats.judge_claim(drop, 7, 1, 299).supported


def test_the_paired_drop_by_hand():
    reference, answers = [True] * 6 + [False] * 4, [True] * 4 + [False] * 5 + [True]
    drop = stats.paired_drop(reference, answers)
    assert (drop.lost, drop.gained, drop.drop) == (2, 1, pytest.approx(0.1))
    # P(at most 2 of 10 | bound) = 5 %.
    assert scipy_stats.binom.cdf(2, 10, drop.bound) == pytest.approx(0.05)


def test_the_bound_of_the_drop_covers():
    """Simulated: the true drop lies below the bound in at least 95 % of the cases."""
    random, covered, cases = np.random.default_rng(0), 0, 2000
    for _ in range(cases):
        kind = random.choice(4, size=120, p=[0.85, 0.06, 0.03, 0.06])  # both right, lost, gained, both wrong
        bound = stats.paired_drop(list((kind == 0) | (kind == 1)), list((kind == 0) | (kind == 2))).bound
        covered += bound >= 0.06 - 0.03
    assert covered / cases >= 0.95


def judged(folder, monkeypatch, parity: Parity, images: int = 24):
    fakes.use(monkeypatch)
    return gate(folder, fakes.subject(folder, images=images), replace(fakes.matrix(), parity=parity))


def test_a_claim_takes_as_many_images_as_it_needs(tmp_path, monkeypatch):
    claim = "disagreement < 20 % at 95 %"  # 1 - 0.05^(1/14) = 0.193
    found = judged(tmp_path, monkeypatch, Parity(images=10, seconds=1e-9, least_images=2, claims={"resnet18": claim}))
    assert {row.images for row in found.rows} == {14}
    assert {(row.claim.claim, row.claim.needed, row.claim.supported) for row in found.rows} == {(claim, 14, True)}


def test_too_few_images_for_a_claim_are_exit_2_at_once(tmp_path, monkeypatch):
    with pytest.raises(
        UsageError, match="24 different test images cannot support the claim 'disagreement < 1 % at 95 %': it needs 299"
    ) as caught:
        judged(tmp_path, monkeypatch, Parity(claim=str(ONE_PERCENT)))
    assert caught.value.exit_code == 2


def test_who_names_fewer_images_than_the_claim_needs_is_told(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="--images 5 cannot support"):
        judged(tmp_path, monkeypatch, Parity(images=5, seconds=None, claim="disagreement < 20 % at 95 %"))


def test_an_unsupported_claim_is_exit_2_and_a_failure_stays_exit_1():
    unsupported = made.row("raw-dynamic", "ort-rust", near_tie_flips=1, claim=ClaimJudged(str(ONE_PERCENT), 0.0157, 299, supported=False))
    good = made.row("raw-dynamic", "ort-python", claim=ClaimJudged(str(ONE_PERCENT), 0.0099, 299, supported=True))
    results = replace(made.results(), cells=(), problems=(), gate=None, parity=(good, unsupported))
    assert run.exit_code(results) == 2
    assert run.exit_code(replace(results, parity=(good,))) == 0
    assert run.exit_code(replace(results, parity=(made.row("a", "ort-rust", passed=False), unsupported))) == 1
    assert words.parity_verdict(unsupported) == "claim not supported"
    assert "the claim 'disagreement < 1 % at 95 %' is NOT supported by 1 of 2 rows" in headline(results)
    notes = "\n".join(tables.parity(results).notes)
    assert "needs 299 images of which none speaks against it; raw-dynamic ort-rust does NOT support it with 300: below 1.57 %" in notes
