from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from contract.errors import UsageError
from contract.matrix import Recipe
from tests.train import tiny
from train.fit.head_fit import Standard, features, fit_head
from train.fit.state import Epoch

RECIPE = Recipe("head", "head", head_epochs=15, head_lr=3e-2, batch=16)


def clouds(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three classes far apart, in features whose scales differ a thousandfold, one of which never changes."""
    made = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    centres = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    plain = centres[labels] + torch.randn(count, 2, generator=made)
    return torch.cat([plain * torch.tensor([1000.0, 1.0]) + 50, torch.full((count, 1), 7.0)], 1), labels


def fit(recipe: Recipe = RECIPE, head: nn.Linear | None = None, *, kept: bool = False) -> tuple[nn.Linear, list[Epoch]]:
    torch.manual_seed(0)
    head = head or nn.Linear(3, 3)
    rows: list[Epoch] = []
    best = fit_head(head, kept, clouds(120, 0), clouds(60, 1), recipe, 0, rows.append)
    assert best.epoch == max(rows, key=lambda row: (row.val_accuracy, -row.val_loss)).number
    return head, rows


def test_the_fitted_head_answers_on_plain_features() -> None:
    head, rows = fit()
    seen, labels = clouds(300, 2)
    assert (head(seen).argmax(1) == labels).float().mean() > 0.93
    assert len(rows) == 15


def test_the_fit_is_the_same_twice() -> None:
    assert torch.equal(fit()[0].weight, fit()[0].weight)


def test_a_kept_head_is_where_the_fit_starts() -> None:
    good, _ = fit()
    start = nn.Linear(3, 3)
    start.load_state_dict(good.state_dict())
    _, rows = fit(replace(RECIPE, head_epochs=1, head_lr=1e-6), start, kept=True)
    _, fresh = fit(replace(RECIPE, head_epochs=1, head_lr=1e-6))
    assert rows[0].val_accuracy > 0.9
    assert rows[0].val_loss < fresh[0].val_loss


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_both_optimizers_and_dropout_learn(optimizer: str) -> None:
    _, rows = fit(replace(RECIPE, optimizer=optimizer, dropout=0.2, schedule="one-cycle"))
    assert max(row.val_accuracy for row in rows) > 0.9


def test_folding_standardisation_is_exact_both_ways() -> None:
    seen, _ = clouds(50, 0)
    standard, layer = Standard.of(seen.double()), nn.Linear(3, 4).double()
    plain = standard.fold(layer)
    assert torch.allclose(nn.functional.linear(seen.double(), plain["weight"], plain["bias"]), layer(standard(seen.double())))
    back = standard.unfold(plain)
    assert torch.allclose(back["weight"], layer.weight)
    assert torch.allclose(back["bias"], layer.bias)


def test_a_head_without_bias_stays_without_and_learns() -> None:
    """MaxViT's: its features cannot be centred, since nothing could take the shift."""
    head, rows = fit(replace(RECIPE, head_epochs=60), nn.Linear(3, 3, bias=False))
    seen, labels = clouds(300, 2)
    assert head.bias is None
    assert (head(seen).argmax(1) == labels).float().mean() > 0.8
    best = max(rows, key=lambda row: (row.val_accuracy, -row.val_loss))
    val_seen, val_labels = clouds(60, 1)
    assert (head(val_seen).argmax(1) == val_labels).float().mean().item() == pytest.approx(best.val_accuracy)


def test_a_head_that_runs_away_is_an_error_that_names_the_recipe() -> None:
    with pytest.raises(UsageError, match="recipe head: the loss is no longer a number in epoch 1"):
        fit(replace(RECIPE, optimizer="sgd", head_lr=1e38))


def test_features_are_what_reaches_the_head() -> None:
    model = tiny.Tiny(3)
    images = torch.randn(5, 3, 16, 16)
    seen, labels = features(model, model.fc, [(images[:3], torch.tensor([0, 1, 2])), (images[3:], torch.tensor([0, 1]))])
    assert torch.allclose(model.fc(seen), model.eval()(images), atol=1e-6)
    assert labels.tolist() == [0, 1, 2, 0, 1]
    assert not model.fc._forward_pre_hooks
