"""Whether train_sizes fit a backbone, asked without arithmetic: the built-in ones above all."""

from __future__ import annotations

import pytest
import torch

from contract.errors import UsageError
from contract.matrix import Recipe
from train.model.sizes import check_sizes

GROWING = Recipe("grow", "all", epochs=3, train_sizes=(128, 224))


@pytest.mark.parametrize("backbone", ["resnet18", "regnet_x_400mf", "mobilenet_v2", "efficientnet_b0", "densenet121", "squeezenet1_1"])
def test_convolutional_backbones_take_every_size(backbone: str) -> None:
    state = torch.random.get_rng_state()
    check_sizes(backbone, GROWING)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_backbone_of_one_size_is_named_with_the_recipe() -> None:
    with pytest.raises(UsageError, match="recipe grow: train_sizes: vit_b_16 takes no images of 128 x 128 pixels") as caught:
        check_sizes("vit_b_16", GROWING)
    assert caught.value.next == "give this backbone a recipe without train_sizes"
