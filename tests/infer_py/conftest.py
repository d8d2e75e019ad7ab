"""A tiny classifier assembled with onnx, and images; nothing here needs torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from contract.card import Card, CardCheckpoint, CardVariant, CardWeights
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 36), CenterCrop("center", 32, 32), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLASSES = ("ADONIS", "ORACLE", "ZEBRA")
Build = Callable[..., Path]


def network(batch: int | str = "batch", classes: int = 3, *, size: int = 32, seed: int = 0) -> onnx.ModelProto:
    """Conv, Relu, mean, Gemm: images -> logits."""
    noise = np.random.default_rng(seed)
    weights = {
        "kernel": noise.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "axes": np.array([2, 3], np.int64),
        "matrix": noise.normal(size=(classes, 4)).astype(np.float32),
        "offset": noise.normal(size=classes).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["convolved"], name="node_conv"),
        helper.make_node("Relu", ["convolved"], ["hidden"], name="node_relu"),
        helper.make_node("ReduceMean", ["hidden", "axes"], ["pooled"], name="node_mean", keepdims=0),
        helper.make_node("Gemm", ["pooled", "matrix", "offset"], ["logits"], name="node_gemm", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def card(labels: tuple[str, ...] | None = CLASSES, spec: PreprocessSpec | None = SPEC) -> Card:
    """What a Concord file carries."""
    return Card(
        "classify", labels, spec, CardVariant("raw-dynamic", False, "dynamic"), CardCheckpoint("ab" * 32), CardWeights("random", None), {}
    )


def add_card(model: onnx.ModelProto, card: Card) -> onnx.ModelProto:
    for key, text in card.to_metadata().items():
        model.metadata_props.add(key=key, value=text)
    return model


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write a tiny model: build(), build("static.onnx", batch=1), build(card=None) for one that Concord did not make."""

    def write(name: str = "model.onnx", *, card: Card | None = card(), **options: object) -> Path:  # noqa: B008 - frozen
        model = network(**options)  # type: ignore[arg-type]
        path = tmp_path / name
        path.write_bytes((add_card(model, card) if card else model).SerializeToString())
        return path

    return write


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A JPEG of 50 x 40 pixels."""
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels(40, 50)).save(path, quality=95)
    return path


def pixels(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Noise: the hardest picture for a resize to get right."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def tensor(tmp_path: Path) -> Path:
    """Five images as float32."""
    path = tmp_path / "batch.npy"
    np.save(path, np.random.default_rng(1).normal(size=(5, 3, 32, 32)).astype(np.float32))
    return path


def drawn_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fills with every text that Pillow draws from now on, in order."""
    texts: list[str] = []
    real = ImageDraw.ImageDraw.text

    def text(self: ImageDraw.ImageDraw, place: Any, words: str, *rest: Any, **options: Any) -> None:
        texts.append(words)
        real(self, place, words, *rest, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return texts
