"""Small graphs made by hand, and a side that runs them in this process."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench.blame import cut
from bench.blame.search import Array

SIDE = 6
IMAGE = np.random.default_rng(3).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)


class Local:
    """Values of a model, by ONNX Runtime in this process; counts its sessions."""

    def __init__(self, model: onnx.ModelProto, image: Array = IMAGE) -> None:
        self.model, self.image, self.sessions = model, image, 0

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        self.sessions += 1
        session = onnxruntime.InferenceSession(cut.upto(self.model, names).SerializeToString(), providers=["CPUExecutionProvider"])
        feed = {value.name: self.image for value in session.get_inputs()}
        return dict(zip(names, session.run(list(names), feed), strict=True))


def residual(blocks: int = 3, channels: int = 4, seed: int = 0) -> onnx.ModelProto:
    """A small residual network with a projection in every block: the branches make the order of the nodes matter."""
    noise = np.random.default_rng(seed)
    weights: dict[str, Array] = {"axes": np.array([2, 3], np.int64), "zero": np.array([0], np.int64), "minus": np.array([-1], np.int64)}
    nodes, value, width = [], "images", 3

    def conv(name: str, source: str, size: int, into: str) -> None:
        weights[f"{name}.weight"] = (noise.normal(size=(channels, width, size, size)) / size).astype(np.float32)
        weights[f"{name}.bias"] = noise.normal(size=channels).astype(np.float32)
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [into], name=f"node_{into}", pads=[size // 2] * 4))

    for block in range(blocks):
        conv(f"{block}.main", value, 3, f"main_{block}")
        conv(f"{block}.short", value, 1, f"short_{block}")
        nodes.append(helper.make_node("Relu", [f"main_{block}"], [f"relu_{block}"], name=f"node_relu_{block}"))
        nodes.append(helper.make_node("Add", [f"relu_{block}", f"short_{block}"], [f"add_{block}"], name=f"node_add_{block}"))
        value, width = f"add_{block}", channels
    weights["fc.weight"] = noise.normal(size=(5, channels)).astype(np.float32)
    nodes += [
        helper.make_node("ReduceMean", [value, "axes"], ["mean"], name="node_mean"),
        # Arithmetic over sizes, as in files with a dynamic batch.
        helper.make_node("Shape", ["mean"], ["shape"], name="node_shape"),
        helper.make_node("Gather", ["shape", "zero"], ["batch"], name="node_gather"),
        helper.make_node("Concat", ["batch", "minus"], ["target"], name="node_concat", axis=0),
        helper.make_node("Reshape", ["mean", "target"], ["flat"], name="node_flat"),
        helper.make_node("Gemm", ["flat", "fc.weight"], ["logits"], name="node_linear", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "residual",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def scaled(model: onnx.ModelProto, name: str, factor: float) -> onnx.ModelProto:
    """The same model with one weight tensor times a factor."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for tensor in made.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), name))
            return made
    raise KeyError(name)


def without(model: onnx.ModelProto, value: str) -> onnx.ModelProto:
    """The same model without the node that writes a value: those that read it read its first input."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    gone = next(node for node in made.graph.node if value in node.output)
    for node in made.graph.node:
        for place, name in enumerate(node.input):
            if name == value:
                node.input[place] = gone.input[0]
    made.graph.node.remove(gone)
    return made
