"""OpenVINO as a runtime: its program, where the lock has the package."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from bench import runtimes
from bench.runner import Runner
from bench.runtimes import openvino
from contract import process, protocol
from contract.artifact import sha256_file
from contract.errors import DataError, EnvironmentFault, UnsupportedError, UsageError
from contract.machine import usable_threads
from infer_py import loading
from tests.infer_py.conftest import CLASSES, Build
from tests.protocol import make_conversation

# As bench.fleet asks of every runtime.
OPTIONS: dict[str, protocol.Option] = {
    "threads": 1, "inter_threads": 1, "spinning": True, "optimization": "all", "arena": True, "memory_pattern": True,
}  # fmt: skip
SECONDS = 60.0
# Logits of the tiny model are of the order of one; another order of summing moves them by a few millionths.
CLOSE = 1e-5


def need_package() -> None:
    """Where the lock has the package, its absence is a failure."""
    if importlib.util.find_spec("openvino") is None and not openvino.locked():
        pytest.skip("the lock leaves openvino out on this platform, and it is not installed: docs/adding-a-runtime.md")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    need_package()
    with Runner(runtimes.find("openvino"), ("cpu",), tmp_path_factory.mktemp("logs") / "openvino.log") as started:
        yield started


@pytest.fixture(params=[1, 2])
def options(request: pytest.FixtureRequest) -> dict[str, protocol.Option]:
    """With one thread another call of OpenVINO makes the forward."""
    if request.param > usable_threads():
        pytest.skip("OpenVINO takes no more threads than there are")
    return OPTIONS | {"threads": request.param}


@pytest.fixture
def loaded(runner: Runner, build: Build, options: dict[str, protocol.Option]) -> protocol.Loaded:
    return runner.load(protocol.LoadArgs(str(build()), "cpu", options))


def ask(runner: Runner, loaded: protocol.Loaded, out: Path, **changed: Any) -> protocol.Predicted:
    given: dict[str, Any] = {"images": None, "tensor": None, "batch": 1, "outputs": (), **changed}
    return runner.predict(protocol.PredictArgs(loaded.id, out=str(out), **given), SECONDS)


def test_receipt(runner: Runner):
    receipt = runner.hello()  # the source hash, the protocol's number and the rules of all keys are checked there
    assert (receipt.runtime, receipt.version) == ("openvino", metadata.version("openvino"))
    assert receipt.commit is not None
    assert receipt.library_sha256 == sha256_file(Path(receipt.library))
    assert receipt.pid == runner.pid
    assert receipt.process == process.facts(None)
    assert "library_profile" not in receipt.process


def test_nobody_is_told_that_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What OpenVINO's telemetry sends carries an id, and that is a file in the user's home."""
    need_package()
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    for name in ("CI", "TF_BUILD", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    with Runner(runtimes.find("openvino"), ("cpu",), tmp_path / "log") as started:
        started.hello()
        assert list(home.iterdir()) == []


def test_load_says_what_is_in_force(runner: Runner, build: Build):
    path = build()
    made = runner.load(protocol.LoadArgs(str(path), "cpu", OPTIONS))
    assert made.options == {
        "threads": 1, "streams": 1, "performance_hint": "latency", "dtype": "float32", "denormals": "kept",
        "stopwatch": process.STOPWATCH, "output_allocation": process.OUTPUT_ALLOCATION,
    }  # fmt: skip
    assert (made.providers, made.placement, made.classes) == (("cpu",), None, CLASSES)
    assert made.inputs == (protocol.ValueInfo("images", (None, 3, 32, 32), "float32"),)
    assert made.outputs == (protocol.ValueInfo("logits", (None, 3), "float32"),)
    assert made.model_sha256 == sha256_file(path)
    assert made.ns > 0


@pytest.mark.parametrize(
    ("provider", "options", "error", "said"),
    [
        ("cuda", {}, EnvironmentFault, "asked for provider 'cuda', and OpenVINO has none"),
        ("tpu", {}, UsageError, "unknown provider 'tpu'"),
        ("cpu", {"thread": 1}, UsageError, "did you mean 'threads'"),
        ("cpu", {"threads": 0}, UsageError, "positive int"),
        ("cpu", {"dtype": "float64"}, UnsupportedError, "models run in float32"),
        ("cpu", {"threads": 4096}, EnvironmentFault, "asked for INFERENCE_NUM_THREADS = 4096, and"),
    ],
)
def test_what_was_asked_and_is_not_to_be_had_is_an_error(
    runner: Runner, build: Build, provider: str, options: dict[str, Any], error: type[Exception], said: str
):
    with pytest.raises(error, match=said):
        runner.load(protocol.LoadArgs(str(build()), provider, options))


@pytest.mark.parametrize(("name", "batch"), [("dynamic.onnx", "batch"), ("static.onnx", 1)])
def test_its_answers_are_those_of_onnx_runtime_but_for_rounding(
    runner: Runner, build: Build, tensor: Path, tmp_path: Path, options: dict[str, protocol.Option], name: str, batch: str | int
):
    path = build(name, batch=batch)
    loaded = runner.load(protocol.LoadArgs(str(path), "cpu", options))
    size = 1 if batch == 1 else 2
    said = ask(runner, loaded, tmp_path / "a.npz", tensor=str(tensor), batch=size)
    with np.load(tmp_path / "a.npz") as arrays:
        logits = arrays["logits"]
    images = np.load(tensor)
    other = loading.load(path, "cpu", {"threads": 1})
    expected = np.concatenate([other.logits(images[at : at + size]) for at in range(0, len(images), size)])
    assert np.abs(logits - expected).max() < CLOSE
    assert said.top1 == tuple(expected.argmax(1))
    assert said.crc32 == tuple(zlib.crc32(logits[at : at + size].tobytes()) for at in range(0, len(images), size))


def test_an_answer_is_not_overwritten_by_the_next_forward(runner: Runner, loaded: protocol.Loaded, tensor: Path, tmp_path: Path):
    ask(runner, loaded, tmp_path / "one.npz", tensor=str(tensor), batch=1)
    ask(runner, loaded, tmp_path / "all.npz", tensor=str(tensor), batch=5)
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "all.npz") as whole:
        assert np.abs(one["logits"] - whole["logits"]).max() < CLOSE
        assert len(np.unique(one["logits"], axis=0)) == 5


def test_values_inside_of_the_graph(runner: Runner, loaded: protocol.Loaded, tensor: Path, tmp_path: Path):
    said = ask(runner, loaded, tmp_path / "h.npz", tensor=str(tensor), batch=5, outputs=("pooled", "logits", "hidden"))
    assert {name: info.shape for name, info in said.arrays.items()} == {"pooled": (5, 4), "logits": (5, 3), "hidden": (5, 4, 30, 30)}
    with np.load(tmp_path / "h.npz") as arrays:
        assert np.allclose(arrays["hidden"].mean(axis=(2, 3)), arrays["pooled"], atol=1e-6)
        assert arrays["hidden"].min() == 0.0
    with pytest.raises(UsageError, match="no value 'hiden' in the graph; did you mean 'hidden'"):
        ask(runner, loaded, tmp_path / "h.npz", tensor=str(tensor), outputs=("hiden",))


def test_stages_and_label(runner: Runner, loaded: protocol.Loaded, photo: Path, tmp_path: Path):
    done = runner.ask("stages", protocol.StagesArgs(loaded.id, str(photo), None, str(tmp_path / "s.npz")), protocol.Staged, SECONDS)
    with np.load(tmp_path / "s.npz") as arrays:
        assert arrays["normalise"].shape == (3, 32, 32)
        assert done.label == CLASSES[int(arrays["logits"].argmax())]


@pytest.mark.parametrize("scenario", ["latency", "throughput", "e2e", "load"])
def test_times(runner: Runner, loaded: protocol.Loaded, tensor: Path, photo: Path, scenario: Any):
    images = (str(photo),) if scenario == "e2e" else None
    given = str(tensor) if scenario in ("latency", "throughput") else None
    batch = 2 if scenario == "throughput" else 1
    timed = runner.time(protocol.TimeArgs(loaded.id, scenario, images, given, batch, 1, 3, None, scenario == "e2e"), SECONDS)
    assert len(timed.samples) == 3
    assert (timed.split is not None) == (scenario == "e2e")
    # Other images, other answers: none comes from a cache.
    assert len(set(timed.crc32)) == (1 if images or scenario == "load" else 3)


def test_a_static_variant_names_both_batches(runner: Runner, build: Build, tensor: Path, tmp_path: Path):
    static = runner.load(protocol.LoadArgs(str(build("static.onnx", batch=1)), "cpu", OPTIONS))
    with pytest.raises(UsageError, match="batches of 1, asked for 2"):
        ask(runner, static, tmp_path / "x.npz", tensor=str(tensor), batch=2)


def test_a_graph_that_openvino_refuses_is_a_data_error_and_the_runner_lives_on(runner: Runner, build: Build):
    path = build()
    path.write_bytes(path.read_bytes().replace(b"Relu", b"Rulu"))
    with pytest.raises(DataError, match="OpenVINO cannot load it") as caught:
        runner.load(protocol.LoadArgs(str(path), "cpu", OPTIONS))
    assert "Exception from" not in caught.value.what
    assert runner.hello().runtime == "openvino"


def test_a_forward_that_fails_is_a_data_error(
    runner: Runner, build: Build, tensor: Path, tmp_path: Path, options: dict[str, protocol.Option]
):
    path = build()
    model = onnx.load(path)
    model.graph.node[3].output[0] = "sums"
    model.graph.node.append(onnx.helper.make_node("Add", ["sums", "two rows"], ["logits"]))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "two rows"))
    path.write_bytes(model.SerializeToString())
    broken = runner.load(protocol.LoadArgs(str(path), "cpu", options))
    with pytest.raises(DataError, match="OpenVINO failed"):
        ask(runner, broken, tmp_path / "x.npz", tensor=str(tensor), batch=3)
    with pytest.raises(DataError, match="OpenVINO failed"):
        runner.time(protocol.TimeArgs(broken.id, "throughput", None, str(tensor), 3, 0, 1, None, split=False), SECONDS)


def test_a_verb_that_it_lacks_is_unsupported(runner: Runner, loaded: protocol.Loaded, tensor: Path):
    with pytest.raises(UnsupportedError, match="no verb 'profile'"):
        runner.profile(protocol.ProfileArgs(loaded.id, str(tensor), 1, 1), SECONDS)


def answered(runner: Runner, verb: str, arguments: object) -> object:
    """The typed answer to a request, or the error that it was refused with. A broken answer and a bug are RunnerErrors, and raised."""
    try:
        return runner.ask(verb, arguments, protocol.VERBS[verb][1], SECONDS)
    except (UsageError, EnvironmentFault, DataError) as refused:
        return refused


def test_every_request_of_the_recorded_conversation_is_answered_by_the_protocol(tmp_path: Path):
    need_package()
    # Its files are not here, and so its model is not loaded: what asks for them is refused.
    with Runner(runtimes.find("openvino"), ("cpu",), tmp_path / "log") as fresh:
        said = [(verb, type(answered(fresh, verb, arguments))) for verb, arguments, _ in make_conversation.TALK]
    assert said[:2] == [("hello", protocol.Receipt), ("hello", UsageError)]
    assert set(said[2:]) == {
        ("load", DataError), ("load", EnvironmentFault), ("predict", UsageError), ("stages", UsageError), ("time", UsageError),
        ("profile", UnsupportedError), ("unload", UsageError), ("quit", protocol.Nothing),
    }  # fmt: skip
