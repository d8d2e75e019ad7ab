"""Stages of a backbone, stem first: what may be frozen, and what learns more slowly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from train.model.head import head_name

Trained = Literal["none", "head", "last-stage", "all"]
FEW = 4
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)  # noqa: SLF001 - torch has no public name for all BatchNorms


@dataclass(frozen=True)
class Stage:
    """A module with parameters of its own; the head is the last stage."""

    name: str
    module: nn.Module


def stages(model: nn.Module) -> list[Stage]:
    """Top-level stages in order. Where there are few, the largest container (RegNet's trunk, ViT's encoder) is opened."""
    head = head_name(model)
    found = [Stage(name, child) for name, child in model.named_children() if _size(child)]
    found = [part for stage in found for part in _without_head(stage, head)]
    while len(found) < FEW and (several := [stage for stage in found if len(_parts(stage)) > 1]):
        big = max(several, key=lambda stage: _size(stage.module))
        at = found.index(big)
        found[at : at + 1] = _parts(big)
    return [*found, Stage(head, model.get_submodule(head))]


def _without_head(stage: Stage, head: str) -> list[Stage]:
    if stage.name == head:
        return []
    if head.startswith(f"{stage.name}."):
        return [part for inner in _parts(stage) for part in _without_head(inner, head)]
    return [stage]


def _parts(stage: Stage) -> list[Stage]:
    return [Stage(f"{stage.name}.{name}", child) for name, child in stage.module.named_children() if _size(child)]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def trained_stages(model: nn.Module, train: Trained) -> list[Stage]:
    """The stages that learn: none, the head, the last tenth or more of the backbone with the head, or all."""
    every = stages(model)
    if train == "none":
        return []
    if train == "all":
        return every
    last = len(every) - 1
    if train == "last-stage":
        total = sum(_size(stage.module) for stage in every[:-1])
        while last > 0 and sum(_size(stage.module) for stage in every[last:-1]) < 0.1 * total:
            last -= 1
    return every[last:]


def set_trainable(model: nn.Module, train: Trained) -> None:
    """Let only these stages learn."""
    model.requires_grad_(train == "all")
    for stage in trained_stages(model, train):
        stage.module.requires_grad_(True)


def training_mode(model: nn.Module, train: Trained, *, freeze_norms: bool) -> None:
    """Training mode for what learns, eval for the rest: statistics of a frozen BatchNorm would drift all the same."""
    model.train(train == "all")
    for stage in trained_stages(model, train):
        stage.module.train()
    if freeze_norms:
        for module in batch_norms(model):
            module.eval()


def batch_norms(model: nn.Module) -> Iterator[nn.modules.batchnorm._BatchNorm]:
    """All BatchNorm layers."""
    return (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))  # noqa: SLF001


def norms_are_folded(model: nn.Module) -> bool:
    """Whether every BatchNorm has mean 0 and variance 1: folded into its neighbours, so batch statistics would be a different function."""
    norms = list(batch_norms(model))
    return bool(norms) and all(_folded(norm) for norm in norms)


def _folded(norm: nn.modules.batchnorm._BatchNorm) -> bool:
    mean, variance = norm.running_mean, norm.running_var
    return (
        mean is not None
        and variance is not None
        and bool((mean == 0).all())
        and bool(torch.isclose(variance, torch.ones_like(variance), atol=1e-3).all())
    )


def parameter_groups(model: nn.Module, lr: float, stem_lr: float, weight_decay: float) -> list[dict[str, object]]:
    """Optimizer groups: the rate rises geometrically from `stem_lr * lr` at the stem to `lr` at the head; no decay of norms and biases."""
    every = stages(model)
    place = {id(parameter): number for number, stage in enumerate(every) for parameter in stage.module.parameters()}
    plain = {id(parameter) for module in model.modules() if isinstance(module, NORMS) for parameter in module.parameters()}
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            # What lies outside of every stage (ViT's class token, its positions) belongs to the stem.
            decays = parameter.ndim > 1 and id(parameter) not in plain
            groups.setdefault((place.get(id(parameter), 0), decays), []).append(parameter)
    rates = [lr * stem_lr ** (1 - number / max(1, len(every) - 1)) for number in range(len(every))]
    return [
        {"params": parameters, "lr": rates[stage], "weight_decay": weight_decay if decays else 0.0}
        for (stage, decays), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
