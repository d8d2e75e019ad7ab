"""look.png: the images, their augmentation, and what was known of them before and after training."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from contract.errors import DataError, UsageError
from contract.matrix import Recipe
from tests.train import tiny
from train import look
from train.weights.choose import Source, WeightsHad

PLAIN = Recipe("plain", "all", epochs=1, augmentation="none", head_epochs=0)


def test_a_picture_is_the_tensor_without_its_normalisation():
    tensor = (torch.tensor([0.2, 0.5, 2.0])[:, None, None].expand(3, 4, 5) - torch.tensor(tiny.SPEC.mean)[:, None, None]) / torch.tensor(
        tiny.SPEC.std
    )[:, None, None]
    pixels = look.picture(tensor, tiny.SPEC)
    assert pixels.shape == (4, 5, 3)
    assert pixels[0, 0] == pytest.approx([0.2, 0.5, 1.0])  # what lies beyond white is white


def test_what_is_augmented_differs_and_is_the_same_again(tmp_path):
    job = tiny.job(tmp_path, Recipe("flips", "all", epochs=1, augmentation="crop-flip", head_epochs=0))
    entry = job.data.parts["val"][0]
    decoded = look.Decoded(job.data.root)
    first, again = look.as_trained(job, entry, decoded), look.as_trained(job, entry, decoded)
    assert len(first) == look.EPOCHS
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])
    assert look.as_trained(tiny.job(tmp_path / "plain", PLAIN), entry, decoded) == []


def test_the_weights_before_are_asked_by_their_own_head_and_names(tmp_path):
    tensors = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    model = tiny.Tiny(4)
    with torch.no_grad():
        model.fc.weight.zero_()
        model.fc.bias.copy_(torch.tensor([0.0, 9.0, 0.0, 1.0]))
    save_file(model.state_dict(), tmp_path / "before.safetensors")
    had = WeightsHad(("file:",), "file:before.safetensors", None, None)
    job = tiny.job(tmp_path / "data", PLAIN, source=Source(tmp_path / "before.safetensors", had))
    one, other = look.knew(job, tensors)
    assert [name for name, _ in one] == ["class 1", "class 3", "class 0", "class 2"]  # four classes, not the data set's three
    assert one[0][1] == pytest.approx(0.9994, abs=1e-4)
    assert one == other
    assert look.knew(tiny.job(tmp_path / "random", PLAIN), tensors) == [(), ()]
    bare = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("fc.")}
    save_file(bare, tmp_path / "bare.safetensors")
    assert look.knew(tiny.job(tmp_path / "b", PLAIN, source=Source(tmp_path / "bare.safetensors", had)), tensors) == [(), ()]


def test_names_come_from_torchvision_where_the_size_fits():
    assert look.names_of("resnet18", 1000)[323] == "monarch"
    assert look.names_of("resnet18", 2) == ("class 0", "class 1")


def test_a_sheet_with_hostile_names_is_drawn():
    names = ("$x_1$", "$\\frac{", "two\nlines", "\x1b[2J", "x" * 200, "\N{RIGHT-TO-LEFT OVERRIDE}tfel")
    pixels = np.zeros((8, 8, 3), np.float32)
    images = [look.Looked(name, (pixels, pixels), (), ((name, 0.9),)) for name in names]
    with Image.open(BytesIO(look.sheet(images, "$title$"))) as image:
        assert image.format == "PNG"
        image.load()
    assert look.sheet(images, "t") == look.sheet(images, "t")
    with pytest.raises(DataError, match="no validation images"):
        look.sheet([], "t")


def test_the_command_looks_at_what_was_trained(call, capsys):
    options = ("--backbone", "concord_tiny", "--offline", "--weights", "random")
    with pytest.raises(UsageError, match="not trained with these options"):
        call("look", *options)
    assert call(*options) == 0
    capsys.readouterr()
    assert call("look", *options) == 0
    path = capsys.readouterr().out.strip().splitlines()[-1]
    assert path.endswith("look.png")
    with Image.open(path) as image:
        assert min(image.size) > 400
    assert call("look", *options, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"pictures": [path]}
