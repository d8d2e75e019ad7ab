from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torchvision.models import get_model_weights

from contract.errors import DataError, UsageError
from contract.matrix import Backbone
from contract.preprocess import CenterCrop, Exact, Shorter
from tests.train import tiny
from train import preset


def spec_of(*weights: str, named: str | None = None, name: str = "regnet_x_400mf"):
    return preset.of_backbone(Backbone(name, "classify", weights, {}, named))


def test_regnet_v2_resizes_to_232_not_256() -> None:
    spec = spec_of("DEFAULT", "random")
    assert (spec.resize, spec.crop) == (Shorter("shorter", 232), CenterCrop("center", 224, 224))
    assert spec_of("IMAGENET1K_V1").resize == Shorter("shorter", 256)


def test_swag_is_bicubic() -> None:
    assert spec_of("IMAGENET1K_SWAG_E2E_V1", name="regnet_y_16gf").interpolation == "bicubic"


def test_the_first_name_counts_and_preset_comes_before_it() -> None:
    assert spec_of("random", "IMAGENET1K_V1", "IMAGENET1K_V2").resize == Shorter("shorter", 256)
    assert spec_of("IMAGENET1K_V1", named="IMAGENET1K_V2").resize == Shorter("shorter", 232)


def test_without_a_name_a_preset_is_required() -> None:
    with pytest.raises(UsageError, match="how are images preprocessed") as caught:
        spec_of("random")
    assert "--preset" in caught.value.next


@pytest.mark.parametrize("backbone", ["resnet18", "regnet_y_16gf", "mobilenet_v2", "vit_b_16", "efficientnet_v2_s", "inception_v3"])
def test_stages_are_torchvisions_own_transform_to_the_last_bit(backbone: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    for weights in get_model_weights(backbone):
        spec = preset.of_transform(weights.transforms())
        found = preset.framed(spec, Image.fromarray(pixels))
        assert np.array_equal(preset.normalised(spec, found).numpy(), weights.transforms()(Image.fromarray(pixels)).numpy())
        assert found.size == (spec.crop.width, spec.crop.height)
        assert repr(preset.transform(spec)) == repr(weights.transforms())


def test_what_torchvision_cannot_say_is_refused() -> None:
    for changed in ({"resize": Exact("exact", 8, 8)}, {"scale": "x*(1/255)"}, {"crop": None}):
        with pytest.raises(DataError):
            preset.transform(replace(tiny.SPEC, **changed))
    with pytest.raises(UsageError, match="not a preprocessing"):
        preset.of_transform(lambda image: image)


def test_a_spec_that_is_not_the_transform_is_caught() -> None:
    with pytest.raises(UsageError, match="does not reproduce"):
        preset.check(replace(tiny.SPEC, mean=(0.5, 0.5, 0.5)), preset.transform(tiny.SPEC))
