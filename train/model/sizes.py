"""Whether a backbone takes images of other sizes than its preset's: ViT does not, and says so with an assertion in its forward."""

from __future__ import annotations

import torch

from contract.errors import UsageError
from contract.matrix import Recipe
from train.fit.schedule import size
from train.model.build import bare, no_random_start


def check_sizes(backbone: str, recipe: Recipe) -> None:
    """Raise UsageError, naming the recipe, when its `train_sizes` are none for this backbone. Costs no arithmetic: tensors without data."""
    if recipe.train_sizes is None:
        return
    with no_random_start():
        # Moved, not made there: a RegNet computes its widths from tensors with data.
        model = bare(backbone, 2, pretrained=False).eval().to("meta")
    with torch.inference_mode():
        for pixels in sorted({size(recipe.train_sizes, epoch, recipe.epochs) for epoch in range(1, recipe.epochs + 1)}):
            try:
                model(torch.empty(1, 3, pixels, pixels, device="meta"))
            except NotImplementedError:
                return  # an operator that cannot be asked without data: training will tell
            except (AssertionError, RuntimeError, ValueError) as fault:
                raise UsageError(
                    f"{backbone} takes no images of {pixels} x {pixels} pixels: {str(fault).strip().splitlines()[0]}",
                    where=f"recipe {recipe.name}: train_sizes",
                    next="give this backbone a recipe without train_sizes",
                ) from fault
