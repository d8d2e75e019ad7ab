"""The walk through a graph, and parts of it as models."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.blame import cut
from bench.blame.graph import read, reads
from tests.bench.blame.made import IMAGE, Local, residual

MODEL = residual()
GRAPH = read(MODEL)


def test_steps_are_the_nodes_that_compute_from_the_image():
    ops = [step.op for step in GRAPH.steps]
    assert ops == ["Conv", "Conv", "Relu", "Add"] * 3 + ["ReduceMean", "Reshape", "Gemm"]
    assert GRAPH.steps[0].reads == ()
    assert GRAPH.steps[3].reads == ("relu_0", "short_0")


def test_a_cut_is_what_is_alive():
    assert GRAPH.cut(0) == ()
    assert GRAPH.cut(1) == ("main_0",)
    assert GRAPH.cut(2) == ("main_0", "short_0")
    assert GRAPH.cut(3) == ("short_0", "relu_0")
    assert GRAPH.cut(4) == ("add_0",)
    assert GRAPH.cut(len(GRAPH.steps)) == ("logits",)


def test_clean_cuts_hold_known_values_only():
    assert GRAPH.clean_cuts(set(GRAPH.writers)) == list(range(len(GRAPH.steps) + 1))
    assert GRAPH.clean_cuts({"add_0", "add_2"}) == [0, 4, 12, 15]
    assert GRAPH.clean_cuts(()) == [0, 15]


def test_a_part_up_to_some_values_gives_those_of_the_whole():
    part = cut.upto(MODEL, ("short_0", "relu_0"))
    assert [node.name for node in part.graph.node] == ["node_main_0", "node_short_0", "node_relu_0"]
    assert {tensor.name for tensor in part.graph.initializer} == {"0.main.weight", "0.main.bias", "0.short.weight", "0.short.bias"}
    whole = Local(MODEL).values(["short_0", "relu_0", "logits"])
    values = Local(MODEL).values(["short_0", "relu_0"])
    assert all(np.array_equal(values[name], whole[name]) for name in values)


@pytest.mark.parametrize(("low", "high", "fed"), [(3, 4, {"relu_0", "short_0"}), (0, 1, {"images"}), (4, 8, {"add_0"}), (13, 14, {"mean"})])
def test_nodes_alone_give_what_they_give_in_the_whole(low, high, fed):
    value = GRAPH.steps[high - 1].writes[0]
    assert set(cut.needs(MODEL, GRAPH, low, high)) == fed
    inputs = {name: IMAGE if name == "images" else Local(MODEL).values([name])[name] for name in fed}
    part = cut.between(MODEL, GRAPH, low, high, inputs, [value])
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    (alone,) = session.run([value], inputs)
    assert np.allclose(alone, Local(MODEL).values([value])[value], atol=1e-6)


def test_what_a_subgraph_reads_from_outside_counts():
    inner = helper.make_graph(
        [helper.make_node("Add", ["images", "weight"], ["sum"]), helper.make_node("Relu", ["sum"], ["inner"])],
        "then",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["condition"], ["out"], then_branch=inner, else_branch=inner)
    assert reads(node) == ["condition", "images", "weight"]
    graph = helper.make_graph(
        [node],
        "outer",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.array([True]), "condition"), numpy_helper.from_array(np.ones(1, np.float32), "weight")],
    )
    model = helper.make_model(graph)
    assert [step.op for step in read(model).steps] == ["If"]
    assert {tensor.name for tensor in cut.upto(model, ["out"]).graph.initializer} == {"condition", "weight"}


def test_parts_are_valid_models_without_metadata():
    MODEL.metadata_props.add(key="concord.labels", value="[]")
    try:
        part = cut.upto(MODEL, ["add_1"])
    finally:
        del MODEL.metadata_props[:]
    assert not part.metadata_props
    assert part.opset_import == MODEL.opset_import
    assert onnx.load_model_from_string(part.SerializeToString()).ir_version == 10
