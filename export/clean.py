"""Make an ONNX model the same on every machine: no traces of where it was made, one card of what it is, one order of bytes."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx

from contract.card import Card
from contract.errors import DataError

DOMAINS = ("", "ai.onnx")
OURS = "concord."


def strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter says about its own machine: stack traces with paths, scopes, doc strings, its build of torch."""
    del model.metadata_props[:]
    model.doc_string = ""
    model.producer_version = model.producer_version.partition("+")[0]
    for graph in graphs(model.graph):
        _clear(graph)
        for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
            _clear(part)


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all graphs inside of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs(inner)


def write_card(model: onnx.ModelProto, card: Card) -> None:
    """Replace all metadata of the model by the card."""
    del model.metadata_props[:]
    for key, text in card.to_metadata().items():
        model.metadata_props.add(key=key, value=text)


def read_card(model: onnx.ModelProto, where: str) -> Card:
    """The card of a model."""
    return Card.from_metadata({entry.key: entry.value for entry in model.metadata_props}, where)


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The model in one order of bytes."""
    return bytes(model.SerializeToString(deterministic=True))


def assert_plain(model: onnx.ModelProto, where: str) -> None:
    """Raise DataError for operators outside of ONNX's own set, weights outside of the file, or a path of this machine in it."""
    if model.functions:
        raise DataError(f"has {len(model.functions)} functions of its own", where=where)
    for graph in graphs(model.graph):
        foreign = {node.domain for node in graph.node} - set(DOMAINS)
        if foreign:
            raise DataError(f"uses operators of {', '.join(sorted(foreign))}", where=where)
        outside = [tensor.name for tensor in graph.initializer if tensor.external_data]
        if outside:
            raise DataError(f"keeps weights in other files: {outside[0]}", where=where)
    words = to_bytes(_without_weights(model))
    for path in local_paths():
        if str(path).encode() in words:
            raise DataError(f"contains a path of this machine: {path}", where=where)


def local_paths() -> list[Path]:
    """Folders that no shared file may name. Too short ones would be found by chance."""
    checkout = Path(__file__).resolve().parent.parent
    folders = {checkout, Path.cwd(), Path.home(), Path(sys.prefix), Path(tempfile.gettempdir())}
    return sorted(folder for folder in folders if len(str(folder)) >= len("/tmp"))  # noqa: S108 - a length, not a file


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    light = onnx.ModelProto(ir_version=model.ir_version, producer_name=model.producer_name, producer_version=model.producer_version)
    light.graph.node.extend(model.graph.node)
    light.graph.value_info.extend(model.graph.value_info)
    light.metadata_props.extend(model.metadata_props)
    return light


def _clear(part: Any) -> None:
    part.doc_string = ""
    del part.metadata_props[:]
