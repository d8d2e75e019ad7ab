"""Read what an ONNX file says of itself straight from the protobuf: no onnx package, no ONNX Runtime, weights are skipped.

Field numbers are those of onnx.proto3; the wire format is protobuf's (source: Protocol Buffers documentation, "Encoding").
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from contract.artifact import sha256_file
from contract.errors import DataError

DEEPEST = 32  # subgraphs in subgraphs; a file that nests deeper is not a model
EXTERNAL = 1  # TensorProto.DataLocation
AGAIN = "copy or export the file again"
Window = tuple[int, int]  # from and to, in bytes of the file


@dataclass
class OnnxFile:
    """One model file. `values`: what nodes of the main graph write; `operators`: their count by kind."""

    path: Path
    sha256: str
    bytes: int
    metadata: dict[str, str] = field(default_factory=dict)
    opsets: dict[str, int] = field(default_factory=dict)
    producer: str = ""
    operators: dict[str, int] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    outputs: list[str] = field(default_factory=list)


class _Malformed(Exception):
    """Bytes that are no protobuf, or no model."""


def read(path: Path) -> OnnxFile:
    """Describe a file. Raises DataError when it is missing, is no ONNX model, or keeps weights in other files."""
    try:
        size = path.stat().st_size
        if size == 0:
            raise _Malformed("the file is empty")
        found = OnnxFile(path, sha256_file(path), size)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _model(_Reader(data), found)
    except OSError as fault:
        raise DataError(f"cannot be read: {fault.strerror}", where=str(path), next="check the path and its permissions") from fault
    except (_Malformed, UnicodeDecodeError) as fault:
        raise DataError(f"not an ONNX model: {fault}", where=str(path), next=AGAIN) from fault
    return found


def outputs_fragment(names: list[str]) -> bytes:
    """Bytes that, appended to a model's, make these values outputs of its graph: `graph { output { name } }`.

    Parsers merge a message that occurs twice and append its repeated fields (source: Protocol Buffers documentation, "Last One
    Wins"), so the model itself need not be rewritten.
    """
    return delimited(7, b"".join(delimited(12, delimited(1, name.encode())) for name in names))


def delimited(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    length, made = len(content), bytearray([number << 3 | 2])
    while length >= 0x80:
        made.append(length & 0x7F | 0x80)
        length >>= 7
    made.append(length)
    return bytes(made) + content


class _Reader:
    """Fields of messages inside one buffer."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data

    def fields(self, window: Window) -> Iterator[tuple[int, int | Window]]:
        """(number, value) of a message: a varint's integer, or where a length-delimited one lies; fixed ones are windows, too."""
        at, end = window
        while at < end:
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, at = self._varint(at, end)
                yield number, value
                continue
            if wire not in (1, 2, 5) or number == 0:
                raise _Malformed(f"unknown wire type {wire} at byte {at}")
            length, at = self._varint(at, end) if wire == 2 else (8 if wire == 1 else 4, at)
            if at + length > end:
                raise _Malformed(f"cut off: a field at byte {at} claims {length} bytes, {end - at} are there")
            yield number, (at, at + length)
            at += length

    def messages(self, window: Window, *numbers: int) -> Iterator[tuple[int, Window]]:
        """The length-delimited fields of these numbers."""
        for number, value in self.fields(window):
            if number in numbers and isinstance(value, tuple):
                yield number, value

    def text(self, window: Window) -> str:
        """A string."""
        return self._data[window[0] : window[1]].decode()

    def first_text(self, window: Window, number: int) -> str:
        """The string field of this number, empty where it is not set."""
        return next((self.text(value) for _, value in self.messages(window, number)), "")

    def whole(self) -> Window:
        """The file."""
        return 0, len(self._data)

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if at >= end:
                raise _Malformed(f"cut off at byte {at}")
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise _Malformed(f"a number of more than 64 bits at byte {at}")


def _model(reader: _Reader, found: OnnxFile) -> None:
    for number, value in reader.messages(reader.whole(), 2, 3, 7, 8, 14, 25):
        if number in (2, 3):
            found.producer = f"{found.producer} {reader.text(value)}".strip()
        elif number == 7:
            _main_graph(reader, value, found)
        elif number == 8:
            version = next((version for field, version in reader.fields(value) if field == 2), 0)
            found.opsets[reader.first_text(value, 1)] = version if isinstance(version, int) else 0
        elif number == 14:
            key = reader.first_text(value, 1)
            if key in found.metadata:
                # Parsers disagree about which of the two counts.
                raise _Malformed(f"metadata key '{key}' twice")
            found.metadata[key] = reader.first_text(value, 2)
        else:
            for _, node in reader.messages(value, 7):
                _node(reader, node, found.path, 1)
    if not found.outputs:
        raise _Malformed("there is no graph with an output in it")


def _main_graph(reader: _Reader, graph: Window, found: OnnxFile) -> None:
    for number, value in reader.messages(graph, 1, 12):
        if number == 1:
            found.values.update(reader.text(name) for _, name in reader.messages(value, 2))
            kind = reader.first_text(value, 4)
            found.operators[kind] = found.operators.get(kind, 0) + 1
        else:
            found.outputs.append(reader.first_text(value, 1))
    _graph(reader, graph, found.path, 0)


def _graph(reader: _Reader, graph: Window, path: Path, depth: int) -> None:
    if depth > DEEPEST:
        raise _Malformed(f"subgraphs nest deeper than {DEEPEST}")
    for number, value in reader.messages(graph, 1, 5, 15):
        if number == 1:
            _node(reader, value, path, depth)
        elif number == 5:
            _tensor(reader, value, path)
        else:
            for _, part in reader.messages(value, 1, 2):
                _tensor(reader, part, path)


def _node(reader: _Reader, node: Window, path: Path, depth: int) -> None:
    for _, attribute in reader.messages(node, 5):
        for number, value in reader.messages(attribute, 5, 6, 10, 11, 22, 23):
            if number in (5, 10):
                _tensor(reader, value, path)
            elif number in (6, 11):
                _graph(reader, value, path, depth + 1)
            else:
                for _, part in reader.messages(value, 1, 2):
                    _tensor(reader, part, path)


def _tensor(reader: _Reader, tensor: Window, path: Path) -> None:
    # Weights in other files would be neither hashed nor shipped, and their paths may lead anywhere.
    for number, value in reader.fields(tensor):
        if number == 13 or (number == 14 and value == EXTERNAL):
            raise DataError(
                f"keeps weights in other files ('{reader.first_text(tensor, 8)}'), which Concord refuses",
                where=str(path),
                next="save it as one file: onnx.save(onnx.load(MODEL), ONE_FILE), below 2 GiB",
            )
