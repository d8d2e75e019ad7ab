"""A model that has next to nothing to do."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper

from contract import artifact

SHAPE = (1, 1, 1, 16)


def write(path: Path) -> None:
    """One Relu on 16 float32, as an image model: `images` -> `logits`."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(SHAPE)) for name in ("images", "logits")]
    graph = helper.make_graph([helper.make_node("Relu", ["images"], ["logits"], name="relu")], "null", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="concord")
    artifact.write_bytes(path, model.SerializeToString())
