"""A graph as blame walks it: the nodes that compute from the image, in order, and what is alive between two of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import onnx

# What they write says nothing of the image's values, only of sizes.
SIZES = ("Shape", "Size")


@dataclass(frozen=True)
class Step:
    """A node that computes from the image: its place in the file, and the values of other steps that it reads."""

    place: int
    name: str
    op: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """The steps of a model, in the order of the file, which ONNX demands to be topological."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    @cached_property
    def writers(self) -> dict[str, Step]:
        """The step that writes each value."""
        return {value: step for step in self.steps for value in step.writes}

    def cut(self, count: int) -> tuple[str, ...]:
        """What the first `count` steps hand to those after them, or to the outputs: when all this is right, so is all before it."""
        later = {value for step in self.steps[count:] for value in step.reads} | set(self.outputs)
        return tuple(value for step in self.steps[:count] for value in step.writes if value in later)

    def clean_cuts(self, known: Collection[str]) -> list[int]:
        """The counts whose cuts hold known values only; none of the steps, and all of them, always count."""
        inner = [count for count in range(1, len(self.steps)) if all(value in known for value in self.cut(count))]
        return [0, *inner, len(self.steps)]


def read(model: onnx.ModelProto) -> Graph:
    """The graph of a model."""
    weights = {tensor.name for tensor in model.graph.initializer}
    images = {value.name for value in model.graph.input if value.name not in weights}
    computed, steps = set(images), []
    for place, node in enumerate(model.graph.node):
        inputs = [name for name in reads(node) if name in computed]
        if not inputs or node.op_type in SIZES:
            continue
        written = tuple(name for name in node.output if name)
        computed.update(written)
        steps.append(Step(place, node.name or f"node {place}", node.op_type, tuple(name for name in inputs if name not in images), written))
    return Graph(tuple(steps), tuple(value.name for value in model.graph.output))


def reads(node: onnx.NodeProto) -> list[str]:
    """Names that a node reads, also from within its subgraphs."""
    return list(dict.fromkeys(name for name in (*node.input, *_from_outside(node)) if name))


def _from_outside(node: onnx.NodeProto) -> Iterator[str]:
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            own = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
            own |= {name for inner in graph.node for name in inner.output}
            yield from (name for inner in graph.node for name in reads(inner) if name not in own)
            yield from (value.name for value in graph.output if value.name not in own)
