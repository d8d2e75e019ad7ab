"""What a file shows without being run: nodes in training mode, and how a node is not its namesake in another file. Pure."""

from __future__ import annotations

import onnx
from onnx import numpy_helper

from bench.blame.graph import read, reads
from bench.parity.compare import same_bits

RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli")


def in_training_mode(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names of nodes that only a model in training mode has: BatchNormalization on its batch's statistics, Dropout that drops, noise."""
    computed = read(model).writers
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    found = []
    for node in model.graph.node:
        mode = any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute)
        switch = weights.get(node.input[2]) if node.op_type == "Dropout" and len(node.input) > 2 else None
        drops = switch is not None and bool(numpy_helper.to_array(switch))
        mode |= node.op_type == "BatchNormalization" and node.input[3] in computed
        if (node.op_type == "BatchNormalization" and mode) or drops or node.op_type in RANDOM:
            found.append(node.name or node.output[0])
    return tuple(found)


def unlike(model: onnx.ModelProto, reference: onnx.ModelProto, value: str) -> str | None:
    """How the node that writes a value is not the reference's node that writes it, in words; None where the two are alike."""
    one, other = (next((node for node in file.graph.node if value in node.output), None) for file in (model, reference))
    if one is None or other is None:
        return None if one is other else f"only one of the files computes '{value}'"
    if one.op_type != other.op_type:
        return f"it is {one.op_type}, and was {other.op_type}"
    weights = [{tensor.name: tensor for tensor in file.graph.initializer} for file in (model, reference)]
    for name, before in zip(reads(one), reads(other), strict=False):
        if name in weights[0] and before in weights[1]:
            arrays = [numpy_helper.to_array(table[key]) for table, key in zip(weights, (name, before), strict=True)]
            if not same_bits(*arrays):
                return f"its weight '{name}' is another"
        elif name != before:
            return f"it reads '{name}', and read '{before}'"
    if len(reads(one)) != len(reads(other)):
        return f"it reads {len(reads(one))} values, and read {len(reads(other))}"
    attributes = [{attribute.name: attribute for attribute in node.attribute} for node in (one, other)]
    for name in sorted({*attributes[0], *attributes[1]}):
        if attributes[0].get(name) != attributes[1].get(name):
            return f"its attribute '{name}' is another"
    return None
