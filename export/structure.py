"""What a graph computes, as one hash: topology, operators, attributes and weights, but no names and no metadata.

Two files with the same structural hash are the same computation: a contrast between them measures noise, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

Hashes = dict[str, str]


def nodes_by_kind(model: onnx.ModelProto) -> dict[str, int]:
    """Number of nodes per operator, sorted by name."""
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def structural_hash(model: onnx.ModelProto) -> str:
    """Hex sha256. Independent of names and of the order in which independent nodes are listed."""
    opsets = sorted((entry.domain or "ai.onnx", entry.version) for entry in model.opset_import)
    return _digest("model", repr(opsets), _graph(model.graph, {}))


def _graph(graph: onnx.GraphProto, outer: Hashes) -> str:
    """A value is named by what computes it (a Merkle tree), so that names do not matter."""
    weights = {tensor.name: _tensor(tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    values = {**outer, **weights}
    values |= {value.name: _digest("input", str(place), _type(value)) for place, value in enumerate(inputs)}
    nodes = []
    for node in graph.node:
        made = _node(node, values)
        nodes.append(made)
        values |= {name: _digest("output", str(place), made) for place, name in enumerate(node.output) if name}
    outputs = [f"{values.get(value.name, 'unknown')} {_type(value)}" for value in graph.output]
    # The nodes are listed as well: equal ones, and ones that no output needs, count.
    return _digest("graph", *outputs, *sorted(nodes))


def _node(node: onnx.NodeProto, values: Hashes) -> str:
    attributes = sorted(_attribute(attribute, values) for attribute in node.attribute)
    return _digest("node", node.domain, node.op_type, *(values.get(name, "none") for name in node.input), *attributes)


def _attribute(attribute: onnx.AttributeProto, values: Hashes) -> str:
    kind = onnx.AttributeProto.AttributeType.Name(attribute.type)
    if attribute.type == onnx.AttributeProto.TENSOR:
        content = [_tensor(attribute.t)]
    elif attribute.type == onnx.AttributeProto.GRAPH:
        content = [_graph(attribute.g, values)]
    elif attribute.type == onnx.AttributeProto.GRAPHS:
        content = [_graph(graph, values) for graph in attribute.graphs]
    else:
        content = [repr(onnx.helper.get_attribute_value(attribute))]
    return _digest("attribute", attribute.name, kind, *content)


def _tensor(tensor: onnx.TensorProto) -> str:
    array = np.ascontiguousarray(numpy_helper.to_array(tensor))
    return _digest("tensor", str(tensor.data_type), repr(tuple(tensor.dims)), hashlib.sha256(array.data).hexdigest())


def _type(value: onnx.ValueInfoProto) -> str:
    kind = value.type.tensor_type
    sizes = [str(size.dim_value) if size.HasField("dim_value") else "dynamic" for size in kind.shape.dim]
    return f"{kind.elem_type} {sizes}"


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()
