from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train.fit.evaluate import evaluate, judge
from train.fit.schedule import share, size
from train.fit.wilson import accuracy


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    # Newcombe 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (29, 29, 0.8830, 1.0)],
)
def test_wilson_intervals_are_the_published_ones(correct: int, total: int, low: float, high: float) -> None:
    found = accuracy(correct, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_wilson_intervals_hold_the_share_and_stay_within_0_and_1(pair: tuple[int, int]) -> None:
    correct, total = pair
    found = accuracy(correct, total)
    assert 0 <= found.low <= correct / total <= found.high <= 1


def test_cosine_warms_up_peaks_and_ends_at_nothing() -> None:
    shares = [share("cosine", step, 100, 0.1) for step in range(100)]
    assert shares[0] == pytest.approx(1 / 11)
    assert shares[10] == 1.0
    assert shares[55] == pytest.approx(0.5)
    assert shares[99] < 0.001
    assert shares[10:] == sorted(shares[10:], reverse=True)


def test_one_cycle_rises_for_30_percent() -> None:
    shares = [share("one-cycle", step, 100, 0.0) for step in range(100)]
    assert shares[0] == pytest.approx(1 / 25)
    assert shares.index(max(shares)) == 30
    assert shares[99] < 0.001


def test_constant_stays_after_the_warm_up() -> None:
    assert [share("constant", step, 10, 0.0) for step in range(10)] == [1.0] * 10
    assert share("constant", 0, 10, 0.5) < 1.0


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "constant"])
def test_a_single_step_has_a_rate(schedule: str) -> None:
    assert 0 < share(schedule, 0, 1, 0.05) <= 1


def test_images_grow_evenly_from_the_first_size_to_the_last() -> None:
    assert [size((128, 224), epoch, 4) for epoch in (1, 2, 3, 4)] == [128, 160, 192, 224]
    assert [size((100, 30), epoch, 3) for epoch in (1, 2, 3)] == [100, 64, 30]  # in between a multiple of 8
    assert size((128, 224), 1, 1) == 224  # a single epoch sees what will be asked


def test_judge_counts_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    found = judge(logits, torch.tensor([0, 1, 1]))
    assert (found.correct, found.total, found.distinct) == (2, 3, 2)
    right, wrong = -math.log(1 / (1 + math.exp(-2))), -math.log(1 / (1 + math.exp(2)))
    assert found.loss == pytest.approx((2 * right + wrong) / 3)


def test_accuracy_ranks_first_and_loss_breaks_ties() -> None:
    labels = torch.tensor([0, 0])
    sure, unsure, wrong = (judge(torch.tensor(logits), labels) for logits in ([[9.0, 0]] * 2, [[1.0, 0]] * 2, [[0.0, 9.0], [9.0, 0.0]]))
    assert sure.rank > unsure.rank > wrong.rank


def test_evaluate_judges_in_eval_mode_over_all_batches() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.99), torch.nn.Identity()).train()
    batches = [(torch.eye(3), torch.arange(3)), (torch.eye(2, 3), torch.tensor([1, 1]))]
    assert evaluate(model, batches).correct == 4
    assert not model.training
