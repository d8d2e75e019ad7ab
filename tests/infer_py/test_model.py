"""Loading, options, batches, named outputs; asked equals got."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from contract.errors import DataError, EnvironmentFault, UnsupportedError, UsageError
from infer_py import loading, session
from infer_py.model import Model
from infer_py.session import Options
from tests.infer_py.conftest import Build, card, network

ALL = {"threads": 1, "inter_threads": 1, "spinning": False, "optimization": "basic", "arena": False, "memory_pattern": False}
UNASKED = {"denormals": "kept", "stopwatch": "host to host, copies included", "output_allocation": "in each forward"}


def load(path: Path, **options: Any) -> Model:
    return loading.load(path, "cpu", options or {"threads": 1})


def images(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(count, 3, size, size)).astype(np.float32)


def test_options_are_in_force_in_the_session(build: Build):
    assert session.in_force(load(build(), **ALL).session) == ALL | UNASKED
    other = {"threads": 2, "inter_threads": 2, "spinning": True, "optimization": "all", "arena": True, "memory_pattern": True}
    assert session.in_force(load(build(), **other).session) == other | UNASKED


def test_names_that_are_too_few_are_refused_where_the_file_does_not_say_how_many_there_are(build: Build):
    loaded = load(build())
    loaded.card = card(labels=("only one",))
    with pytest.raises(DataError, match="names 1 classes, and answers 3 logits"):
        loaded.logits(images(1))
    with pytest.raises(DataError, match="class 2 has no name: there are 1"):
        loaded.label(2)


def test_what_another_runtime_has_is_not_reported(build: Build):
    asked = {"threads": 1, "dtype": "float32", "form": "program-static", "training": False}
    told = session.in_force(load(build(), **asked).session)
    assert told.keys() == ALL.keys() | UNASKED.keys()
    assert (told["threads"], told["optimization"]) == (1, "all")


def test_a_session_that_zeroes_denormals_says_so(build: Build):
    settings = session._settings(Options(threads=1), "cpu", record=False, profile=None)
    settings.add_session_config_entry(session.ZERO_DENORMALS, "1")
    made = onnxruntime.InferenceSession(build(), settings, providers=["CPUExecutionProvider"])
    assert session.in_force(made)["denormals"] == "zeroed"


def test_what_cuda_has_is_reported_as_the_session_says_it():
    class Cuda:
        """A session on CUDA, which this machine need not have: what was set differs from what is said."""

        def get_session_options(self) -> Any:
            return session._settings(Options(threads=1), "cuda", record=False, profile=None)

        def get_provider_options(self) -> dict[str, dict[str, str]]:
            return {"CUDAExecutionProvider": {"use_tf32": "1", "cudnn_conv_algo_search": "HEURISTIC"}, "CPUExecutionProvider": {}}

    told = session.in_force(Cuda())
    assert (told["tf32"], told["conv_search"]) == (True, "heuristic")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"thread": 1}, "did you mean 'threads'"),
        ({"threads": 0}, "positive int"),
        ({"threads": True}, "positive int"),
        ({"spinning": 1}, "bool"),
        ({"optimization": "most"}, "unknown optimization"),
    ],
)
def test_bad_options_are_usage_errors(asked: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        Options.parse(asked)


def test_placement_counts_every_node(build: Build):
    model = loading.load(build(), "cpu", {"threads": 1}, record=True)
    assert session.placement(model.session) == {"cpu": 4}
    assert session.in_use(model.session) == ("cpu",)


def test_described_dimensions(build: Build):
    model = load(build())
    assert (model.input.name, model.input.shape, model.input.dtype) == ("images", (None, 3, 32, 32), "float32")


def test_intermediate_values_come_in_the_asked_order_and_leave_the_answer_alone(build: Build):
    model = load(build())
    pooled, logits, hidden = model.run(images(2), ("pooled", "logits", "hidden"))
    assert (pooled.shape, logits.shape, hidden.shape) == ((2, 4), (2, 3), (2, 4, 30, 30))
    assert np.allclose(hidden.mean(axis=(2, 3)), pooled, atol=1e-6)
    assert np.allclose(model.run(images(2))[0], logits, atol=1e-6)


def test_sessions_with_added_outputs_are_kept(build: Build):
    model = load(build())
    model.run(images(1), ("hidden",))
    model.run(images(1), ("logits", "hidden"))
    assert len(model._extended) == 1


def test_an_unknown_value_is_named_with_its_nearest(build: Build):
    with pytest.raises(UsageError, match="no value 'hiden' in the graph; did you mean 'hidden'"):
        load(build()).run(images(1), ("hiden",))


def test_a_static_variant_names_both_batches(build: Build):
    model = load(build(batch=1))
    with pytest.raises(UsageError, match="batches of 1, asked for 8"):
        model.check(images(8), 8)


def test_another_image_size_is_refused(build: Build):
    with pytest.raises(UsageError, match="axis 2 of the input has 32, asked for 40"):
        load(build()).check(images(1, 40), 1)


def test_a_model_without_metadata_runs_tensors_and_says_what_images_need(build: Build):
    model = load(build(card=None))
    assert model.run(images(2))[0].shape == (2, 3)
    assert model.label(0) is None
    with pytest.raises(DataError, match=r"no metadata 'concord\.preprocess'"):
        _ = model.spec


@pytest.mark.parametrize("content", [b"garbage", b""], ids=["garbage", "empty"])
def test_corrupt_files(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not an ONNX model"):
        load(path)


def test_a_graph_that_onnx_runtime_refuses(tmp_path: Path):
    model = network()
    model.graph.node[0].op_type = "NoSuchOperator"
    path = tmp_path / "odd.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match="cannot load it") as caught:
        load(path)
    assert "[ONNXRuntimeError]" not in str(caught.value)


def test_class_names_must_fit_the_logits(build: Build):
    with pytest.raises(DataError, match="names 2 classes, and its logits have 3"):
        load(build(card=card(("A", "B"))))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("concord.labels", "[1, 2]", "expected a string"),
        ("concord.labels", "{", "not valid JSON"),
        ("concord.preprocess", "{}", "missing key"),
        ("concord.format", "2", "format '2'"),
        ("concord.task", "detect", "task 'detect'"),
    ],
)
def test_broken_metadata_is_named(tmp_path: Path, key: str, value: str, said: str):
    model = network()
    model.metadata_props.add(key=key, value=value)
    path = tmp_path / "odd.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match=said) as caught:
        load(path)
    assert str(path) in caught.value.where


def test_two_inputs_are_another_kind_of_model(tmp_path: Path):
    model = network()
    model.graph.input.add().CopyFrom(onnx.helper.make_tensor_value_info("scale", onnx.TensorProto.FLOAT, [1]))
    path = tmp_path / "two.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedError, match="scale float32"):
        _ = load(path).input


def test_nan_is_not_an_answer(build: Build):
    model = load(build())
    with pytest.raises(DataError, match="NaN"):
        model.logits(np.full((1, 3, 32, 32), np.nan, np.float32))


def test_an_unknown_provider_is_a_usage_error(build: Build):
    with pytest.raises(UsageError, match="did you mean 'cuda'"):
        loading.load(build(), "cuba", {})


def test_a_provider_that_the_build_lacks(build: Build, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EnvironmentFault, match="asked for provider 'cuda' and did not get it") as caught:
        loading.load(build(), "cuda", {})
    assert caught.value.exit_code == 3


class Fallen:
    """A session that fell back to the CPU, as ONNX Runtime does it."""

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


@pytest.fixture
def cuda_listed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    return monkeypatch


def test_a_silent_fallback_is_caught(build: Build, cuda_listed: pytest.MonkeyPatch):
    cuda_listed.setattr(onnxruntime, "InferenceSession", lambda *_a, **_k: Fallen())
    with pytest.raises(EnvironmentFault, match="the session runs on CPUExecutionProvider"):
        loading.load(build(), "cuda", {})


def test_a_warned_fallback_is_caught(build: Build, cuda_listed: pytest.MonkeyPatch):
    def warn(*_a: object, **_k: object) -> Fallen:
        warnings.warn("Specified provider 'CUDAExecutionProvider' is not in available provider names.", UserWarning, stacklevel=1)
        return Fallen()

    cuda_listed.setattr(onnxruntime, "InferenceSession", warn)
    with pytest.raises(EnvironmentFault, match="not in available provider names"):
        loading.load(build(), "cuda", {})


def test_only_cuda_is_asked_with_full_precision_and_no_fallback(build: Build, cuda_listed: pytest.MonkeyPatch):
    asked: dict[str, Any] = {}

    def note(_model: str, settings: Any, providers: Any) -> Fallen:
        asked.update(providers=providers, fallback=settings.get_session_config_entry("session.disable_cpu_ep_fallback"))
        return Fallen()

    cuda_listed.setattr(onnxruntime, "InferenceSession", note)
    with pytest.raises(EnvironmentFault):
        loading.load(build(), "cuda", {})
    cuda = {"use_tf32": "0", "cudnn_conv_algo_search": "EXHAUSTIVE"}
    assert asked == {"providers": [("CUDAExecutionProvider", cuda)], "fallback": "1"}
