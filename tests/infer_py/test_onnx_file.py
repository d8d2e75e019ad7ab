"""The protobuf reader, against the onnx package and against broken files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from contract.errors import DataError
from infer_py import onnx_file
from tests.infer_py.conftest import Build, card, network


def test_it_says_what_the_onnx_package_says(build: Build):
    path = build()
    found, model = onnx_file.read(path), onnx.load(path)
    assert found.metadata == {entry.key: entry.value for entry in model.metadata_props} == card().to_metadata()
    assert found.values == {name for node in model.graph.node for name in node.output}
    assert found.operators == {"Conv": 1, "Relu": 1, "ReduceMean": 1, "Gemm": 1}
    assert found.opsets == {"": 20}
    assert found.outputs == ["logits"]
    assert found.bytes == path.stat().st_size


def test_added_outputs_merge_into_the_graph(build: Build):
    names = ["hidden", "pooled", "x" * 300]
    merged = onnx.load_model_from_string(build().read_bytes() + onnx_file.outputs_fragment(names))
    assert [value.name for value in merged.graph.output] == ["logits", *names]
    assert len(merged.graph.node) == 4


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        onnx_file.read(path)
    assert caught.value.where == str(path)
    return caught.value.what


def test_missing(tmp_path: Path):
    assert "No such file" in refused(tmp_path / "none.onnx")


def test_a_folder(tmp_path: Path):
    assert refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0", b"hello, world", b"\xff" * 64, b"\x08\x0a"], ids=repr)
def test_garbage(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    assert refused(path).startswith("not an ONNX model")


def test_cut_off_anywhere_it_is_refused_by_us_or_by_onnx_runtime(build: Build):
    path = build()
    whole = path.read_bytes()
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        try:
            onnx_file.read(path)
        except DataError:
            continue
        with pytest.raises(Exception, match="ONNXRuntimeError"):
            onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_flipped_bytes_never_crash_the_reader(build: Build):
    path = build()
    whole, noise = path.read_bytes(), np.random.default_rng(3)
    for _ in range(300):
        broken = bytearray(whole)
        broken[int(noise.integers(len(broken)))] ^= 1 << int(noise.integers(8))
        path.write_bytes(bytes(broken))
        with contextlib.suppress(DataError):
            onnx_file.read(path)


def external(tensor: TensorProto) -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")
    return tensor


def write(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_external_weights_are_refused_by_name(tmp_path: Path):
    model = network()
    external(model.graph.initializer[0])
    assert "'kernel'" in refused(write(tmp_path / "m.onnx", model))


def test_external_weights_are_refused_in_attributes_and_subgraphs(tmp_path: Path):
    model = network()
    hidden = external(helper.make_tensor("hidden_away", TensorProto.FLOAT, [1], [0.0]))
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=hidden)], "inner", [], [])
    node = model.graph.node.add(op_type="If", output=["unused"])
    node.attribute.append(helper.make_attribute("then_branch", inner))
    assert "hidden_away" in refused(write(tmp_path / "m.onnx", model))


def test_endless_subgraphs_are_refused(tmp_path: Path):
    # By hand: the onnx package refuses to build it.
    wrap, graph = onnx_file.delimited, b""
    for _ in range(onnx_file.DEEPEST + 2):
        graph = wrap(1, wrap(5, wrap(6, graph)))  # graph { node { attribute { g } } }
    path = tmp_path / "m.onnx"
    path.write_bytes(wrap(7, graph))
    assert "nest deeper" in refused(path)


def test_a_metadata_key_twice_is_refused(tmp_path: Path):
    model = network()
    model.metadata_props.add(key="concord.labels", value='["a"]')
    model.metadata_props.add(key="concord.labels", value='["b"]')
    assert "concord.labels' twice" in refused(write(tmp_path / "m.onnx", model))
