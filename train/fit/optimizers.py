"""Optimizers by a recipe's word."""

from __future__ import annotations

from typing import Any

import torch

from contract.matrix import Recipe


def make_optimizer(recipe: Recipe, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The recipe's optimizer over parameter groups that carry their own rates and weight decay."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups)
