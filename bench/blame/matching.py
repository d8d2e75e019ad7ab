"""Which values of a file can be compared with whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from bench.dimensions import dimensions

Shape = tuple[int | None, ...]


def comparable(model: onnx.ModelProto, others: Mapping[str, Shape]) -> set[str]:
    """Values that have a namesake: the exporter names what it writes after the captured program's nodes.

    A namesake of a shape that cannot be the same is none: two captures of one model may number their nodes otherwise.
    """
    shapes = _shapes(model)
    return {
        name
        for node in model.graph.node
        for name in node.output
        if name in others and (name not in shapes or _may_be_equal(shapes[name], others[name]))
    }


def same_topology(one: onnx.ModelProto, other: onnx.ModelProto) -> bool:
    """Whether two files have the same nodes, connected in the same way under the same names: then they owe each other every bit."""
    return [_wired(node) for node in one.graph.node] == [_wired(node) for node in other.graph.node]


def _wired(node: onnx.NodeProto) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return node.op_type, tuple(node.input), tuple(node.output)


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    declared = {value.name: dimensions(value) for value in (*model.graph.value_info, *model.graph.output)}
    return {name: shape for name, shape in declared.items() if shape is not None}


def _may_be_equal(one: Shape, other: Shape) -> bool:
    return len(one) == len(other) and all(mine is None or theirs is None or mine == theirs for mine, theirs in zip(one, other, strict=True))
