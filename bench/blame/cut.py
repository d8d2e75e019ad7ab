"""Parts of a model as models of their own. Pure: protobufs in, protobufs out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx
from onnx import helper

from bench.blame.graph import Graph, reads
from bench.blame.search import Array


def upto(model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The part of a model that computes these values, from its own inputs. Without metadata: it is no model that anybody ships."""
    needed, kept = set(outputs), []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(reads(node))
            kept.append(node)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights or value.name in needed]
    return _made(model, kept[::-1], needed, inputs, outputs)


def between(model: onnx.ModelProto, graph: Graph, low: int, high: int, inputs: dict[str, Array], outputs: Sequence[str]) -> onnx.ModelProto:
    """The steps after the first `low` up to `high` as a model, with what they need that is computed from weights or sizes alone.

    `inputs`: the values it is fed with, as `needs` names them; their sizes are fixed in it.
    """
    chosen = {step.place for step in graph.steps[low:high]} | _constants(model, graph, low, high)
    nodes = [node for place, node in enumerate(model.graph.node) if place in chosen]
    needed = {name for node in nodes for name in reads(node)}
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape) for name, array in inputs.items()
    ]
    return _made(model, nodes, needed, values, outputs)


def needs(model: onnx.ModelProto, graph: Graph, low: int, high: int) -> tuple[str, ...]:
    """The values that the steps from `low` to `high` have to be fed with."""
    weights = {tensor.name for tensor in model.graph.initializer}
    places = sorted({step.place for step in graph.steps[low:high]} | _constants(model, graph, low, high))
    nodes = [model.graph.node[place] for place in places]
    own = {name for node in nodes for name in node.output} | weights
    return tuple(dict.fromkeys(name for node in nodes for name in reads(node) if name not in own))


def _constants(model: onnx.ModelProto, graph: Graph, low: int, high: int) -> set[int]:
    """Places of the nodes that are no steps, and that these steps need."""
    steps = {step.place for step in graph.steps}
    writers = {name: place for place, node in enumerate(model.graph.node) if place not in steps for name in node.output}
    found: set[int] = set()
    todo = [step.place for step in graph.steps[low:high]]
    while todo:
        wanted = {writers[name] for name in reads(model.graph.node[todo.pop()]) if name in writers} - found
        found |= wanted
        todo += wanted
    return found


def _made(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], needed: set[str], inputs: Iterable[onnx.ValueInfoProto], outputs: Sequence[str]
) -> onnx.ModelProto:
    weights = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    # Without types: ONNX Runtime infers them, and a file may not state those of its inner values.
    graph = helper.make_graph(nodes, "part", list(inputs), [onnx.ValueInfoProto(name=name) for name in outputs], weights)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions)
