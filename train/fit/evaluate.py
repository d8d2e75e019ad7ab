"""What a model says about images, in fp32 and eval mode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from train.fit.batches import Batch


@dataclass(frozen=True)
class Judged:
    """Correct answers, mean cross-entropy, and how many different classes were predicted."""

    correct: int
    total: int
    loss: float
    distinct: int

    @property
    def rank(self) -> tuple[int, float]:
        """Greater is better: accuracy first, then the smaller loss."""
        return self.correct, -self.loss


def judge(logits: torch.Tensor, labels: torch.Tensor) -> Judged:
    """Compare logits with labels."""
    predicted = logits.argmax(1)
    loss = nn.functional.cross_entropy(logits.double(), labels).item()
    return Judged(int((predicted == labels).sum()), len(labels), loss, len(set(predicted.tolist())))


def evaluate(model: nn.Module, batches: Iterable[Batch]) -> Judged:
    """Judge a model over all batches."""
    model.eval()
    logits, labels = [], []
    with torch.inference_mode():
        for images, wanted in batches:
            logits.append(model(images).float().cpu())
            labels.append(wanted.cpu())
    return judge(torch.cat(logits), torch.cat(labels))
