"""A copy of somebody's ONNX file that says what the runners need to know: its preprocessing and its class names."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper
from onnx.checker import ValidationError

from bench.dimensions import dimensions
from contract.card import Card
from contract.errors import DataError, UsageError
from contract.preprocess import KEY, PreprocessSpec

LOGITS = "logits"
LARGEST = 2**31 - 1
FLOAT16 = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


@dataclass(frozen=True)
class Given:
    """A file as it was given: what it says of itself, its batch (None: dynamic), its number of classes where the shape says it."""

    path: Path
    model: ModelProto
    card: Card
    output: str
    batch: int | None
    classes: int | None

    def adopted(self, spec: PreprocessSpec, labels: tuple[str, ...], folder: Path) -> Path:
        """Write a copy with the same nodes and weights, our metadata, and the output called `logits`; returns its path."""
        model = ModelProto()
        model.CopyFrom(self.model)
        if self.output != LOGITS:
            _rename(model.graph, {self.output: LOGITS, LOGITS: f"{LOGITS}_before"})
        card = replace(self.card, task="classify", labels=labels, preprocess=spec)
        kept = {entry.key: entry.value for entry in model.metadata_props}
        helper.set_model_props(model, kept | card.to_metadata())
        path = folder / f"{self.path.stem}.onnx"
        onnx.save(model, path)
        return path


def read(path: Path, output: str | None) -> Given:
    """Open a file and refuse what cannot be compared, by name and with the next step.

    `output`: which of several outputs holds the logits. Raises DataError for a file that is no model, UsageError for one of another kind.
    """
    try:
        _must_fit(path.stat().st_size, path)
        model = onnx.load(path, load_external_data=False)
        _must_fit(path.stat().st_size + _elsewhere(model.graph), path)
        onnx.load_external_data_for_model(model, str(path.parent))
    except FileNotFoundError as fault:
        raise DataError("no such file", where=str(fault.filename or path), next="check the path given to --onnx and --reference") from fault
    # The checker's error: of weights in other files, which are missing or lie outside of the folder.
    except (DecodeError, OSError, ValueError, ValidationError) as fault:
        raise DataError(f"not an ONNX file that can be read: {fault}", where=str(path), next="export it again") from fault
    if not model.graph.output:
        raise DataError("not an ONNX model: it has no outputs", where=str(path), next="export it again")
    weights = {each.name for each in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    batch = _input(inputs, str(path))
    named = _output([value.name for value in model.graph.output], output, str(path))
    last = dimensions(next(value for value in model.graph.output if value.name == named))
    if last is not None and len(last) != 2:
        raise UsageError(f"the output '{named}' is {_said(last)}, not batch x classes", where=str(path), next="give --output NAME")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Given(path, model, Card.from_metadata(metadata, str(path)), named, batch, last[1] if last else None)


def spec_of(given: Given, asked: PreprocessSpec | None, others: PreprocessSpec | None) -> PreprocessSpec:
    """How images become its tensors: what the file says, else the command line, else the other side.

    Raises UsageError where nobody says it, and where file and command line differ.
    """
    own = given.card.preprocess
    if own is not None and asked is not None and own != asked:
        raise UsageError(f"its metadata '{KEY}' says another preprocessing than --spec", where=str(given.path), next="leave --spec out")
    spec = own or asked or others
    if spec is None:
        raise UsageError(
            f"it does not say how to prepare images: there is no metadata '{KEY}'",
            where=str(given.path),
            next="add --spec FILE with what the metadata would hold; beside --reference torchvision:… also --preset NAME, of the weights"
            " whose preprocessing it needs",
        )
    return spec


def labels_of(given: Given, others: tuple[str, ...] | None) -> tuple[str, ...]:
    """Class names: the file's own, else those of the other side, else numbers."""
    if given.card.labels is not None:
        return given.card.labels
    if others is not None:
        return others
    if given.classes is None:
        raise UsageError(
            "neither side says how many classes there are", where=str(given.path), next="export it with a fixed number of classes"
        )
    return tuple(f"class {number}" for number in range(given.classes))


def _must_fit(size: int, path: Path) -> None:
    if size > LARGEST:
        raise UsageError(
            f"with its weights it is {size / 2**30:.1f} GiB; one ONNX file, which is what runners are given, holds less than 2 GiB",
            where=str(path),
            next="compare a smaller model of the same export: larger ones are not compared",
        )


def _elsewhere(graph: GraphProto) -> int:
    """Bytes of the weights that lie in other files, from their shapes, before any of them is read."""
    outside = [each for each in graph.initializer if each.data_location == TensorProto.EXTERNAL]
    return sum(math.prod(each.dims) * helper.tensor_dtype_to_np_dtype(each.data_type).itemsize for each in outside)


def _input(inputs: list[ValueInfoProto], where: str) -> int | None:
    """The batch of the only input: None where it is dynamic. Raises UsageError for what is no float32 N x 3 x H x W."""
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise UsageError(
            f"models with one input are compared, this one has {names}", where=where, next="export one that takes images alone"
        )
    value, shape = inputs[0], dimensions(inputs[0])
    kind = value.type.tensor_type.elem_type
    if kind != TensorProto.FLOAT:
        name = TensorProto.DataType.Name(kind).lower()
        half = " (16-bit files are judged by claims about labels, which is not built)" if kind in FLOAT16 else ""
        raise UsageError(f"the input '{value.name}' is {name}, not float32{half}", where=where, next="export it with a float32 input")
    if shape is None or len(shape) != 4 or shape[1] not in (None, 3):
        last = shape is not None and len(shape) == 4 and shape[3] == 3
        layout = ": images lie channels last (NHWC)" if last else ""
        raise UsageError(
            f"the input '{value.name}' is {_said(shape)}, not N x 3 x H x W{layout}",
            where=where,
            next="put a Transpose in front of it, or export it again",
        )
    if shape[0] not in (None, 1):
        raise UsageError(
            f"the batch of the input '{value.name}' is fixed at {shape[0]}; single images cannot be asked",
            where=where,
            next="export it with a dynamic batch, or with batch 1",
        )
    return shape[0]


def _output(names: list[str], asked: str | None, where: str) -> str:
    if asked is not None and asked not in names:
        raise UsageError(f"there is no output '{asked}'; there are: {', '.join(names)}", where=where, next="give one of them to --output")
    if asked is not None or LOGITS in names or len(names) == 1:
        return asked or (LOGITS if LOGITS in names else names[0])
    raise UsageError(f"which of its outputs holds the logits? There are: {', '.join(names)}", where=where, next="add --output NAME")


def _said(shape: tuple[int | None, ...] | None) -> str:
    return "of no known shape" if shape is None else " x ".join("?" if size is None else str(size) for size in shape) or "a number"


def _rename(graph: GraphProto, swap: dict[str, str]) -> None:
    """Give values other names wherever they are written, read, or declared, in the branches of nodes, too."""
    for node in graph.node:
        node.input[:] = [swap.get(name, name) for name in node.input]
        node.output[:] = [swap.get(name, name) for name in node.output]
        for attribute in node.attribute:
            for branch in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _rename(branch, swap)
    for value in (*graph.output, *graph.value_info, *graph.initializer, *graph.input):
        value.name = swap.get(value.name, value.name)
