"""The structural hash: blind to names and order, awake to everything that changes the computation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.structure import nodes_by_kind, structural_hash
from tests.infer_py.conftest import network


def changed(change: Callable[[onnx.ModelProto], object]) -> str:
    model = network()
    change(model)
    return structural_hash(model)


SAME = structural_hash(network())


def rename(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.name = f"other_{node.name}"
        for names in (node.input, node.output):
            names[:] = [f"v_{name}" for name in names]
    for part in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        part.name = f"v_{part.name}"


def float_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    values = numpy_helper.to_array(tensor).ravel().tolist()
    tensor.ClearField("raw_data")
    tensor.float_data.extend(values)


@pytest.mark.parametrize(
    "change",
    [
        rename,
        float_data,
        lambda model: model.metadata_props.add(key="a", value="b"),
        lambda model: setattr(model, "producer_name", "other"),
        lambda model: setattr(model.graph, "name", "other"),
        lambda model: setattr(model.graph.node[0], "doc_string", "other"),
        lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[0], "dim_param", "n"),
    ],
    ids=["names", "storage", "metadata", "producer", "graph-name", "doc", "axis-name"],
)
def test_what_does_not_count(change: Callable[[onnx.ModelProto], object]):
    assert changed(change) == SAME


def weight(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    array = numpy_helper.to_array(tensor).copy()
    array.flat[0] = np.nextafter(array.flat[0], np.float32(9))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def rewire(model: onnx.ModelProto) -> None:
    model.graph.node[2].input[0] = "convolved"


@pytest.mark.parametrize(
    "change",
    [
        weight,
        rewire,
        lambda model: setattr(model.graph.node[1], "op_type", "Sigmoid"),
        lambda model: setattr(model.graph.node[3].attribute[0], "i", 0),
        lambda model: setattr(model.opset_import[0], "version", 21),
        lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 1),
        lambda model: model.graph.node.add(op_type="Relu", input=["hidden"], output=["unused"]),
        lambda model: model.graph.output.reverse() or model.graph.output.add(name="hidden"),
        lambda model: model.graph.node[0].attribute.append(helper.make_attribute("strides", [2, 2])),
    ],
    ids=["one-bit", "wiring", "operator", "attribute", "opset", "batch", "dead-node", "outputs", "new-attribute"],
)
def test_what_counts(change: Callable[[onnx.ModelProto], object]):
    assert changed(change) != SAME


def test_order_of_independent_nodes_does_not_count():
    def made(order: int) -> str:
        nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["x"], ["b"])][::order]
        nodes.append(helper.make_node("Sub", ["a", "b"], ["y"]))
        shape = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
        return structural_hash(helper.make_model(helper.make_graph(nodes, "g", shape[:1], shape[1:])))

    assert made(1) == made(-1)


def test_order_of_inputs_counts():
    def made(*inputs: str) -> str:
        nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Sub", inputs, ["y"])]
        shape = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
        return structural_hash(helper.make_model(helper.make_graph(nodes, "g", shape[:1], shape[1:])))

    assert made("a", "x") != made("x", "a")


def test_subgraphs_count():
    def made(kind: str) -> str:
        inner = helper.make_graph(
            [helper.make_node(kind, ["x"], ["z"])], "i", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])]
        )
        node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
        inputs = [helper.make_tensor_value_info("c", TensorProto.BOOL, []), helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])]
        return structural_hash(
            helper.make_model(helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])]))
        )

    assert made("Relu") != made("Neg")
    assert made("Relu") == made("Relu")


def test_nodes_are_counted_by_kind():
    assert nodes_by_kind(network()) == {"Conv": 1, "Gemm": 1, "ReduceMean": 1, "Relu": 1}
