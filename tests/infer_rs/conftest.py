"""A built binary, tiny models and images; everything is skipped, with the reason, where the binary has not been built."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from contract import protocol
from contract.card import Card
from contract.layout import CHECKOUT
from contract.preprocess import PreprocessSpec

BINARY = CHECKOUT / "infer_rs" / "target" / "release" / "infer-rs"
CLASSES = ("ADMIRAL", "MONARCH", "ORACLE'S EYE — Ω", "ULYSES")
Build = Callable[..., Path]


@pytest.fixture(scope="session")
def binary() -> Path:
    if not BINARY.is_file():
        pytest.skip("infer_rs/target/release/infer-rs is not built: nox -s build")
    return BINARY


@pytest.fixture(scope="session")
def library() -> Path:
    spec = importlib.util.find_spec("onnxruntime")
    found = sorted((Path(spec.origin).parent / "capi").glob("libonnxruntime.so.*")) if spec and spec.origin else []
    if not found:
        pytest.skip("no onnxruntime wheel with a libonnxruntime.so is installed")
    return found[-1].resolve()


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write a small classifier: build(spec), build(spec, "static.onnx", batch=1), build(None) without metadata."""

    def write(
        spec: PreprocessSpec | None, name: str = "model.onnx", batch: int | str = "batch", classes: tuple[str, ...] = CLASSES
    ) -> Path:
        model = network(batch, len(classes))
        for key, text in Card("classify", classes, spec).to_metadata().items() if spec else ():
            model.metadata_props.add(key=key, value=text)
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return write


def network(batch: int | str, classes: int = len(CLASSES)) -> onnx.ModelProto:
    """Conv, Relu, mean, Gemm: images of any size -> logits."""
    noise = np.random.default_rng(0)
    weights = {
        "kernel": noise.normal(size=(8, 3, 5, 5)).astype(np.float32),
        "matrix": noise.normal(size=(classes, 8)).astype(np.float32),
        "offset": noise.normal(size=classes).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["convolved"], name="node_conv"),
        helper.make_node("Relu", ["convolved"], ["hidden"], name="node_relu"),
        helper.make_node("GlobalAveragePool", ["hidden"], ["pooled"], name="node_mean"),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="node_flat"),
        helper.make_node("Gemm", ["flat", "matrix", "offset"], ["logits"], name="node_gemm", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, "height", "width"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Runner:
    """`infer-rs serve`, spoken to through contract.protocol: replies that it does not describe are errors."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seq = 0

    def ask(self, verb: str, **arguments: object) -> object:
        assert self.process.stdin
        assert self.process.stdout
        self.seq += 1
        request = protocol.Request(self.seq, verb, arguments)
        self.process.stdin.write(protocol.encode(request) + "\n")
        self.process.stdin.flush()
        return protocol.decode_reply(self.process.stdout.readline(), request)

    def end(self) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        return code


@pytest.fixture
def runner(binary: Path, library: Path) -> Iterator[Runner]:
    made = Runner([str(binary), "--ort-lib", str(library), "serve"])
    yield made
    assert made.end() == 0


def decode_lines(binary: Path, paths: list[Path]) -> list[dict[str, object]]:
    """What `infer-rs decode` says of each file."""
    done = subprocess.run([str(binary), "decode", *map(str, paths)], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(paths), done.stderr
    return lines
