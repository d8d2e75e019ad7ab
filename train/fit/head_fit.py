"""Phase one: the head alone, fitted on features that are computed once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from contract.matrix import Recipe
from train.fit.batches import Batch, shuffled
from train.fit.evaluate import judge
from train.fit.keys import key
from train.fit.optimizers import make_optimizer
from train.fit.schedule import share
from train.fit.state import Best, Epoch, Tensors, need_finite

Features = tuple[torch.Tensor, torch.Tensor]


def features(model: nn.Module, head: nn.Module, batches: Iterable[Batch]) -> Features:
    """What reaches the head for each image, and the labels; both on the CPU."""
    caught: list[torch.Tensor] = []
    labels: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].float().cpu()))
    model.eval()
    try:
        with torch.inference_mode():
            for images, wanted in batches:
                model(images)
                labels.append(wanted.cpu())
    finally:
        hook.remove()
    # Cloned outside of inference mode: what comes out of it cannot take part in training.
    return torch.cat(caught).clone(), torch.cat(labels).clone()


@dataclass(frozen=True)
class Standard:
    """Mean and spread of features. The fit sees standardised ones; `fold` puts the scaling into the layer's weights."""

    mean: torch.Tensor
    spread: torch.Tensor

    @classmethod
    def of(cls, seen: torch.Tensor, *, centred: bool = True) -> Standard:
        """Of the training images; a feature that never changes keeps its scale. Not `centred`: mean 0, for a layer without bias."""
        spread, mean = seen.std(0, unbiased=False), seen.mean(0)
        return cls(mean if centred else torch.zeros_like(mean), torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def __call__(self, seen: torch.Tensor) -> torch.Tensor:
        """Features with mean 0 and spread 1."""
        return (seen - self.mean) / self.spread

    def fold(self, layer: nn.Linear) -> Tensors:
        """Weight and bias, where there is one, on plain features."""
        weight = layer.weight.detach() / self.spread
        return {"weight": weight} if layer.bias is None else {"weight": weight, "bias": layer.bias.detach() - weight @ self.mean}

    def unfold(self, plain: Tensors) -> Tensors:
        """Weight and bias, where there is one, on standardised features: the inverse of `fold`."""
        weight = plain["weight"]
        return {"weight": weight * self.spread} | ({"bias": plain["bias"] + weight @ self.mean} if "bias" in plain else {})


def fit_head(head: nn.Linear, kept: bool, train: Features, val: Features, recipe: Recipe, seed: int, said: Callable[[Epoch], None]) -> Best:
    """Fit `head` in place, to its best epoch by validation. A kept head is where the fit starts, otherwise zero."""
    has_bias = head.bias is not None
    standard = Standard.of(train[0], centred=has_bias)
    layer = nn.Linear(head.in_features, head.out_features, bias=has_bias)
    given = {name: tensor.detach().cpu() for name, tensor in head.named_parameters()}
    layer.load_state_dict(standard.unfold(given) if kept else {name: torch.zeros_like(tensor) for name, tensor in given.items()})
    seen, val_seen = standard(train[0]), standard(val[0])
    groups = [{"params": [layer.weight], "weight_decay": recipe.weight_decay}]
    groups += [{"params": [layer.bias], "weight_decay": 0.0}] if has_bias else []
    optimizer = make_optimizer(recipe, [group | {"lr": recipe.head_lr} for group in groups])
    steps = recipe.head_epochs * len(shuffled(len(seen), recipe.batch, seed, 0))
    best, step = Best(0, -1, 0.0, {}), 0
    for epoch in range(1, recipe.head_epochs + 1):
        began = time.perf_counter()
        torch.manual_seed(key(seed, "head", epoch))
        total, correct = 0.0, 0
        for part in shuffled(len(seen), recipe.batch, seed, epoch):
            rate = recipe.head_lr * share(recipe.schedule, step, steps, recipe.warmup)
            for group in optimizer.param_groups:
                group["lr"] = rate
            logits = layer(nn.functional.dropout(seen[part], recipe.dropout))
            loss = nn.functional.cross_entropy(logits, train[1][part], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total, correct, step = total + loss.item() * len(part), correct + int((logits.argmax(1) == train[1][part]).sum()), step + 1
        with torch.no_grad():
            judged = judge(layer(val_seen), val[1])
        seconds = time.perf_counter() - began
        row = Epoch(epoch, "head", rate, total / len(seen), correct / len(seen), judged.loss, judged.correct / judged.total, seconds)
        need_finite(row, recipe)
        said(row)
        if judged.rank > best.rank:
            best = Best(epoch, judged.correct, judged.loss, standard.fold(layer))
    head.load_state_dict(best.model)
    return best
