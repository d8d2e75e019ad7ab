"""The weights of a file against the checkpoint's, tensor by tensor: what no output shows, because it is below the noise, is found here.

The exporter folds a BatchNorm into the convolution before it. The folding is done again here, by the exporter's own formula (onnxscript
0.7, rewriter/rules/common/_fuse_batchnorm.py), whose results were found equal to the last bit; which BatchNorm belongs to a convolution is
not written down anywhere, so those of its width are tried.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from bench.blame.found import WeightDiffers
from bench.blame.search import Array, difference
from bench.parity.compare import same_bits
from contract.errors import DataError

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1"}
# What torchvision's architectures use; the checkpoint does not say.
EPSILONS = (1e-5, 1e-3)
STATISTICS = ("weight", "bias", "running_mean", "running_var")
FOLDED_INTO = ("Conv", "Gemm")
Pair = tuple[Array, Array | None]  # a weight and its bias
Norm = tuple[Array, Array, Array]  # scale, mean and shift


def weights_differ(checkpoint: Path, model: Path) -> tuple[WeightDiffers, ...]:
    """Tensors of an ONNX file that are called like the checkpoint's, or belong to one that is, and are not made of theirs, in its order.

    Tensors of other names (constants, transposed copies) are not judged. Raises DataError for files that cannot be read.
    """
    tensors = read_safetensors(checkpoint)
    graph = open_model(model).graph
    found = {entry.name: np.asarray(numpy_helper.to_array(entry)) for entry in graph.initializer}
    norms = list(_batch_norms(tensors))
    said: dict[str, str] = {}
    judged: set[str] = set()
    for node in graph.node:
        weight, bias = [*node.input[1:3], "", ""][:2]
        if node.op_type in FOLDED_INTO and weight in tensors and weight in found and bias in (*found, ""):
            own_bias = tensors.get(bias)
            judged |= {weight, bias}
            options = partial(_options, tensors[weight], own_bias, found.get(bias), norms)
            said |= _judge_pair(weight, bias, (found[weight], found.get(bias)), options)
    for name, array in found.items():
        if name in tensors and name not in judged and not same_bits(tensors[name], array):
            said[name] = _said(tensors[name], array)
    return tuple(WeightDiffers(name, said[name]) for name in found if name in said)


def open_model(path: Path) -> onnx.ModelProto:
    """A model file. Raises DataError."""
    try:
        return onnx.load_model_from_string(path.read_bytes())
    except (OSError, DecodeError) as fault:
        raise DataError(f"not an ONNX file that can be read: {fault}", where=str(path), next="nox -s export") from fault


def read_safetensors(path: Path) -> dict[str, Array]:
    """All tensors of a file, mapped rather than read: 8 bytes of header length, a JSON header, little-endian bytes. Raises DataError."""
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
        length = int.from_bytes(data[:8].tobytes(), "little")
        header = json.loads(data[8 : 8 + length].tobytes())
        body = data[8 + length :]
        return {
            name: body[slice(*entry["data_offsets"])].view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise DataError(
            f"not a safetensors file that can be read: {fault}", where=str(path), next="train it again: nox -s train"
        ) from fault


def _batch_norms(tensors: dict[str, Array]) -> Iterator[Norm]:
    """(scale, mean, shift) of every BatchNorm, for each epsilon."""
    for name in tensors:
        prefix = name.removesuffix("running_mean")
        parts = [tensors.get(prefix + part) for part in STATISTICS]
        if prefix == name or any(part is None for part in parts):
            continue
        gamma, beta, mean, variance = (np.asarray(part) for part in parts)
        for epsilon in EPSILONS:
            with np.errstate(invalid="ignore", divide="ignore"):
                yield gamma / np.sqrt(variance + np.float32(epsilon)), mean, beta


def _options(weight: Array, bias: Array | None, found_bias: Array | None, norms: list[Norm]) -> Iterator[Pair]:
    """What the exporter may have made of a weight and its bias: themselves, or one BatchNorm folded into them.

    Those come first whose bias is the file's to the last bit: biases are small, and in a right file that settles which BatchNorm it was, so
    that the weight, which may be large, is folded once.
    """
    own = bias if bias is not None or not norms else np.zeros(len(weight), weight.dtype)
    folded = [(scale, (own - mean) * scale + shift) for scale, mean, shift in norms if len(scale) == len(weight)]
    fitting = [_same(made, found_bias) for _, made in folded]
    yield weight, bias
    for wanted in (True, False):
        for (scale, made), fits in zip(folded, fitting, strict=True):
            if fits is wanted:
                yield weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), made


def _judge_pair(weight: str, bias: str, found: Pair, options: Callable[[], Iterator[Pair]]) -> dict[str, str]:
    """Which of the two is none of what it may be: of the option that fits best."""
    if any(_same(made[0], found[0]) and _same(made[1], found[1]) for made in options()):
        return {}
    best: tuple[int, float, dict[str, str]] | None = None
    for made in options():
        pairs = zip((weight, bias or weight), made, found, strict=True)
        wrong = {name: _said(one, other) for name, one, other in pairs if not _same(one, other)}
        distance = difference(made[0], found[0])
        if best is None or (len(wrong), distance) < best[:2]:
            best = (len(wrong), distance, wrong)
    return best[2] if best else {}


def _same(one: Array | None, other: Array | None) -> bool:
    return one is other if one is None or other is None else same_bits(one, other)


def _said(expected: Array | None, array: Array | None) -> str:
    if expected is None or array is None:
        return "there is none in the checkpoint" if expected is None else "it is missing in the file"
    if expected.shape != array.shape or expected.dtype != array.dtype:
        return f"{array.dtype} {list(array.shape)}, in the checkpoint {expected.dtype} {list(expected.shape)}"
    words = [np.ascontiguousarray(part).view(np.uint8).reshape(part.size, -1) for part in (expected, array)]
    count = int((words[0] != words[1]).any(axis=1).sum())
    return f"{count} of {array.size} numbers differ from the checkpoint's, by at most {difference(expected, array):.2g}"
