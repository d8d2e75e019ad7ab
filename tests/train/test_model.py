from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import get_model

from contract.errors import DataError, UsageError
from contract.manifest import TRAIN
from tests.train import tiny
from tests.train.test_serve import write_model
from train.model.build import bare, build, from_manifest
from train.model.calibrate import calibrate
from train.model.head import add_dropout, head_name, head_of, outputs, replace_head
from train.model.stages import (
    batch_norms,
    norms_are_folded,
    parameter_groups,
    set_trainable,
    stages,
    trained_stages,
    training_mode,
)
from train.weights.choose import Source, WeightsHad

HEADS = {
    "resnet18": "fc",
    "regnet_x_400mf": "fc",
    "mobilenet_v3_small": "classifier.3",
    "squeezenet1_1": "classifier.1",
    "shufflenet_v2_x0_5": "fc",
    "mnasnet0_5": "classifier.1",
    "densenet121": "classifier",
    "googlenet": "fc",
    "efficientnet_b0": "classifier.1",
    "vit_b_32": "heads.head",
    "swin_t": "head",
    "convnext_tiny": "classifier.2",
    "maxvit_t": "classifier.5",
}


def from_file(path: Path, *, checkpoint: bool = False) -> Source:
    return Source(path, WeightsHad((), "file", None, None), checkpoint=checkpoint)


@pytest.mark.parametrize("backbone", HEADS)
def test_the_head_of_any_classifier_is_found_and_replaced(backbone: str) -> None:
    model = bare(backbone, 1000, pretrained=False).eval()
    assert head_name(model) == HEADS[backbone]
    replace_head(model, 5)
    assert outputs(head_of(model)) == 5
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 224, 224)).shape == (1, 5)


def test_a_head_without_bias_is_replaced_by_one_without_and_found_again_in_the_file(tmp_path: Path) -> None:
    save_file(bare("maxvit_t", 4, pretrained=False).state_dict(), tmp_path / "w.safetensors")
    built = build("maxvit_t", from_file(tmp_path / "w.safetensors"), 3, 0)
    assert head_of(built.model).bias is None
    write_model(tmp_path / "m", tmp_path, "maxvit_t", built.model.state_dict())
    _, again = from_manifest(tmp_path / "m" / TRAIN)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in built.model.state_dict().items())


def test_dropout_acts_in_training_only_and_changes_no_name() -> None:
    model = tiny.Tiny(3)
    names = list(model.state_dict())
    add_dropout(model.fc, 0.9)
    assert list(model.state_dict()) == names
    ones = torch.ones(1, 12)
    assert torch.equal(model.fc.eval()(ones), nn.functional.linear(ones, model.fc.weight, model.fc.bias))
    torch.manual_seed(0)
    assert not torch.equal(model.fc.train()(ones), model.fc.eval()(ones))


def test_random_weights_come_from_the_seed() -> None:
    source = Source(None, WeightsHad(("random",), "random", None, None))
    one, same, other = (build("concord_tiny", source, 3, seed).model.fc.weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_file_gives_the_backbone_and_its_head_only_where_the_classes_match(tmp_path: Path) -> None:
    given = tiny.Tiny(7).state_dict()
    save_file(given, tmp_path / "w.safetensors")
    new, kept = (build("concord_tiny", from_file(tmp_path / "w.safetensors"), classes, 0) for classes in (3, 7))
    assert (new.head_kept, kept.head_kept) == (False, True)
    for built in (new, kept):
        assert torch.equal(built.model.stem[0].weight, given["stem.0.weight"])
    assert new.model.fc.weight.shape == (3, 12)
    assert torch.equal(kept.model.fc.weight, given["fc.weight"])


def test_a_file_without_a_head_is_fine_to_start_from_but_is_no_checkpoint(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in tiny.Tiny(7).state_dict().items() if not name.startswith("fc.")}
    save_file(state, tmp_path / "w.safetensors")
    assert not build("concord_tiny", from_file(tmp_path / "w.safetensors"), 3, 0).head_kept
    with pytest.raises(DataError, match=r"2 keys are missing, first 'fc.weight'"):
        build("concord_tiny", from_file(tmp_path / "w.safetensors", checkpoint=True), 3, 0)


def test_weights_of_another_architecture_are_named(tmp_path: Path) -> None:
    save_file(get_model("squeezenet1_1").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(DataError) as caught:
        build("concord_tiny", from_file(tmp_path / "w.safetensors"), 3, 0)
    text = str(caught.value)
    assert "not weights of concord_tiny" in text
    assert "missing, first 'stem.0.weight'" in text
    assert "52 are unknown, first 'classifier.1.bias'" in text


def test_another_shape_is_named(tmp_path: Path) -> None:
    state = tiny.Tiny(3).state_dict()
    state["stem.0.weight"] = torch.zeros(6, 3, 5, 5)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(DataError, match=r"first stem.0.weight is 6x3x5x5, concord_tiny has 6x3x3x3"):
        build("concord_tiny", from_file(tmp_path / "w.safetensors"), 3, 0)


def test_a_checkpoint_for_other_classes_is_refused(tmp_path: Path) -> None:
    save_file(tiny.Tiny(7).state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(DataError, match="its head has 7 classes, and the data set 3"):
        build("concord_tiny", from_file(tmp_path / "w.safetensors", checkpoint=True), 3, 0)


def test_an_unknown_backbone_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="did you mean"):
        bare("resnet81", 3, pretrained=False)


def test_stages_of_nested_backbones() -> None:
    names = {
        name: [stage.name for stage in stages(get_model(name))] for name in ("resnet18", "regnet_x_400mf", "mobilenet_v3_small", "vit_b_32")
    }
    assert names["resnet18"] == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]
    assert names["regnet_x_400mf"] == ["stem", *(f"trunk_output.block{n}" for n in range(1, 5)), "fc"]
    assert names["mobilenet_v3_small"][-3:] == ["features.12", "classifier.0", "classifier.3"]
    assert len(names["vit_b_32"]) == 15  # conv_proj, 12 layers, ln, head


def test_last_stage_is_a_tenth_of_the_backbone_or_more() -> None:
    assert [stage.name for stage in trained_stages(get_model("resnet18"), "last-stage")] == ["layer4", "fc"]
    assert trained_stages(get_model("densenet121"), "last-stage")[0].name == "features.denseblock4"


def test_what_is_frozen_neither_learns_nor_drifts() -> None:
    model = tiny.Tiny(3)
    set_trainable(model, "head")
    training_mode(model, "head", freeze_norms=False)
    assert [name for name, parameter in model.named_parameters() if parameter.requires_grad] == ["fc.weight", "fc.bias"]
    before = model.stem[1].running_mean.clone()
    model(torch.randn(4, 3, 16, 16))
    assert torch.equal(model.stem[1].running_mean, before)
    training_mode(model, "all", freeze_norms=True)
    assert model.training
    assert not any(norm.training for norm in batch_norms(model))


def test_rates_rise_from_stem_to_head_and_norms_do_not_decay() -> None:
    model = tiny.Tiny(3)
    groups = parameter_groups(model, 1.0, 0.01, 0.5)
    rate = {id(parameter): (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]}
    assert rate[id(model.stem[0].weight)] == pytest.approx((0.01, 0.5))
    assert rate[id(model.body[0].weight)] == pytest.approx((0.1, 0.5))
    assert rate[id(model.fc.weight)] == pytest.approx((1.0, 0.5))
    assert {rate[id(each)][1] for each in (model.stem[1].weight, model.stem[0].bias, model.fc.bias)} == {0.0}
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_vits_free_parameters_learn_as_the_stem() -> None:
    model = get_model("vit_b_32", num_classes=3)
    groups = parameter_groups(model, 1.0, 0.01, 0.0)
    assert next(group["lr"] for group in groups if any(each is model.class_token for each in group["params"])) == pytest.approx(0.01)


def test_folded_norms_are_known() -> None:
    model = tiny.Tiny(3)
    assert norms_are_folded(model)  # as built: mean 0, variance 1
    model.train()(torch.randn(8, 3, 16, 16))
    assert not norms_are_folded(model)


def test_calibration_averages_its_batches_and_leaves_the_weights() -> None:
    model = tiny.Tiny(3)
    weights = model.stem[0].weight.clone()
    batches = [torch.randn(16, 3, 16, 16) * 3 + 1 for _ in range(3)]
    calibrate(model, batches)
    seen = torch.cat([model.stem[0](batch) for batch in batches])
    assert torch.allclose(model.stem[1].running_mean, seen.mean((0, 2, 3)), atol=1e-4)
    assert torch.equal(model.stem[0].weight, weights)
    assert model.stem[1].momentum == 0.1
    assert not model.training
