"""Weights against the checkpoint's: folded BatchNorms are recognised, one changed number is found."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from bench.blame.weights import read_safetensors, weights_differ
from contract.errors import DataError

NOISE = np.random.default_rng(5)
TENSORS = {
    "conv1.weight": NOISE.normal(size=(4, 3, 3, 3)).astype(np.float32),
    "conv2.weight": NOISE.normal(size=(4, 4, 1, 1)).astype(np.float32),
    "conv2.bias": NOISE.normal(size=4).astype(np.float32),
    "plain.weight": NOISE.normal(size=(4, 4, 1, 1)).astype(np.float32),
    **{f"{norm}.{part}": NOISE.normal(size=4).astype(np.float32) for norm in ("bn1", "bn2") for part in ("weight", "bias", "running_mean")},
    **{f"{norm}.running_var": NOISE.uniform(0.5, 2, size=4).astype(np.float32) for norm in ("bn1", "bn2")},
    "bn1.num_batches_tracked": np.array(7, np.int64),
    "fc.weight": NOISE.normal(size=(3, 4)).astype(np.float32),
    "fc.bias": NOISE.normal(size=3).astype(np.float32),
}


def folded(weight, bias, norm, epsilon):
    gamma, beta, mean, variance = (TENSORS[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale.reshape(-1, 1, 1, 1), (1.0 * bias - mean) * scale + beta


def arrays() -> dict[str, np.ndarray]:
    first = folded(TENSORS["conv1.weight"], np.zeros(4, np.float32), "bn1", 1e-5)
    second = folded(TENSORS["conv2.weight"], TENSORS["conv2.bias"], "bn2", 1e-3)
    names = ("conv1.weight", "conv1.weight_bias", "conv2.weight", "conv2.bias")
    kept = {name: TENSORS[name] for name in ("plain.weight", "fc.weight", "fc.bias")}
    return {**dict(zip(names, (*first, *second), strict=True)), **kept, "val_7": np.array([2, 3], np.int64)}


@pytest.fixture
def differ(tmp_path):
    """Write both files, with these tensors of the ONNX file replaced; what is said of them."""
    save_file(TENSORS, tmp_path / "checkpoint.safetensors")

    def write(**changed: np.ndarray):
        nodes = [
            helper.make_node("Conv", ["images", "conv1.weight", "conv1.weight_bias"], ["a"]),
            helper.make_node("Conv", ["a", "conv2.weight", "conv2.bias"], ["b"]),
            helper.make_node("Conv", ["b", "plain.weight"], ["c"]),
            helper.make_node("ReduceMean", ["c", "val_7"], ["d"], keepdims=0),
            helper.make_node("Gemm", ["d", "fc.weight", "fc.bias"], ["logits"], transB=1),
        ]
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("images", "logits")]
        said = {**arrays(), **{name.replace("__", "."): array for name, array in changed.items()}}
        tensors = [numpy_helper.from_array(array, name) for name, array in said.items()]
        model = helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], tensors))
        onnx.save(model, tmp_path / "model.onnx")
        return {each.name: each.why for each in weights_differ(tmp_path / "checkpoint.safetensors", tmp_path / "model.onnx")}

    return write


def test_a_file_with_folded_norms_has_the_checkpoints_weights(differ):
    assert differ() == {}


@pytest.mark.parametrize("name", [name for name in arrays() if name != "val_7"])
def test_one_number_in_its_last_bit_is_found_and_named(differ, name):
    array = arrays()[name].copy()
    array.flat[-1] = np.nextafter(array.flat[-1], np.float32(9))
    said = differ(**{name.replace(".", "__"): array})
    assert list(said) == [name]
    assert said[name].startswith(f"1 of {array.size} numbers differ from the checkpoint's, by at most ")


def test_a_whole_tensor_and_another_shape(differ):
    said = differ(fc__weight=TENSORS["fc.weight"] * np.float32(1.001), fc__bias=np.zeros(2, np.float32))
    assert said["fc.weight"].startswith("12 of 12 numbers differ")
    assert said["fc.bias"] == "float32 [2], in the checkpoint float32 [3]"


def test_the_norm_of_another_layer_is_not_this_ones_bias(differ):
    other = folded(TENSORS["conv1.weight"], np.zeros(4, np.float32), "bn2", 1e-5)
    assert list(differ(conv1__weight_bias=other[1])) == ["conv1.weight_bias"]


def test_safetensors_are_read_as_the_library_reads_them(tmp_path):
    kinds = {kind: np.arange(6).reshape(2, 3).astype(kind) for kind in ("float64", "float32", "float16", "int64", "int32", "uint8", "bool")}
    path = tmp_path / "x.safetensors"
    save_file(kinds, path, {"format": "pt"})
    own = read_safetensors(path)
    assert own.keys() == kinds.keys()
    assert all(own[kind].dtype == array.dtype and np.array_equal(own[kind], array) for kind, array in kinds.items())
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="not a safetensors file") as caught:
        read_safetensors(path)
    assert caught.value.where == str(path)


def test_files_that_are_none(tmp_path):
    for name in ("checkpoint.safetensors", "model.onnx"):
        (tmp_path / name).write_bytes(b"\xff" * 9)
    with pytest.raises(DataError, match="not a safetensors file"):
        weights_differ(tmp_path / "checkpoint.safetensors", tmp_path / "model.onnx")
    save_file(TENSORS, tmp_path / "checkpoint.safetensors")
    with pytest.raises(DataError, match="not an ONNX file"):
        weights_differ(tmp_path / "checkpoint.safetensors", tmp_path / "model.onnx")
    with pytest.raises(DataError, match="not an ONNX file"):
        weights_differ(tmp_path / "checkpoint.safetensors", tmp_path / "nowhere.onnx")
