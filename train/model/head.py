"""The head: the last linear layer of any torchvision classifier (SqueezeNet's is a convolution)."""

from __future__ import annotations

import torch
from torch import nn

from contract.errors import UsageError

Head = nn.Linear | nn.Conv2d


def head_name(model: nn.Module) -> str:
    """Module path of the head. Raises UsageError for a model without one."""
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    linear: list[str] = [name for name, module in layers if isinstance(module, nn.Linear)]
    if not layers:
        raise UsageError("this model has no linear layer to replace", where=type(model).__name__, next="choose a classifier of torchvision")
    return linear[-1] if linear else layers[-1][0]


def head_of(model: nn.Module) -> Head:
    """The head itself."""
    head = model.get_submodule(head_name(model))
    assert isinstance(head, nn.Linear | nn.Conv2d)
    return head


def outputs(head: Head) -> int:
    """How many classes a head tells apart."""
    return head.out_features if isinstance(head, nn.Linear) else head.out_channels


def replace_head(model: nn.Module, classes: int) -> None:
    """Put a new head for so many classes in place of the old one, initialised from torch's generator."""
    old, name = head_of(model), head_name(model)
    new: Head
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, classes, bias=old.bias is not None)  # MaxViT's has none, and would not find one in a file
    else:
        new = nn.Conv2d(old.in_channels, classes, kernel_size=1, bias=old.bias is not None)
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, new)


def add_dropout(head: Head, share: float) -> None:
    """Drop this share of the head's inputs while training. A hook: names of the weights, and the exported graph, stay as they are."""

    def drop(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (nn.functional.dropout(inputs[0], share, module.training), *inputs[1:])

    if share:
        head.register_forward_pre_hook(drop)
