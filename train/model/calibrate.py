"""BatchNorm statistics for random weights: without them a random RegNet says nearly the same for every image."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from train.model.stages import batch_norms

PASSES, BATCH = 3, 16


def calibrate(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Average the statistics of a few batches of training images, seen once each; weights stay as they are."""
    norms = list(batch_norms(model))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches, not a running one
        norm.train()
    with torch.no_grad():
        for images in batches:
            model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
