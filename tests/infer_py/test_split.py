"""The programs that `python -m bench split` compares: in which ways they differ, and that they all answer alike."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.runtimes import ort_rust
from contract import protocol
from contract.errors import DataError, EnvironmentFault, UsageError
from infer_py import capi, capi_session, clock, split, split_runner
from infer_py.session import Options
from infer_py.split import Ways
from infer_py.split_runner import SplitRunner
from tests.infer_py.conftest import Build

ALL_BUT_C = [Ways(), Ways(lean=True), Ways(aligned=True), Ways(bound=True), Ways(lean=True, aligned=True, bound=True)]


@pytest.fixture(scope="module")
def library() -> Path:
    return ort_rust.library()


def ways_of(library: Path) -> list[Ways]:
    return [*ALL_BUT_C, Ways(lean=True, aligned=True, bound=True, library=library)]


def loaded(ways: Ways, model: Path, **options: Any) -> tuple[SplitRunner, protocol.Loaded]:
    runner = SplitRunner(ways)
    return runner, runner.load(protocol.LoadArgs(str(model), "cpu", {"threads": 1, **options}))


def asked(id: str, tensor: Path, **changed: Any) -> protocol.TimeArgs:
    values: dict[str, Any] = {"images": None, "tensor": str(tensor), "batch": 1, "warmup": 1, "samples": 7, "max_ns": None, "split": False}
    return protocol.TimeArgs(id, "latency", **{**values, **changed})


@pytest.mark.parametrize(
    ("arguments", "ways"),
    [
        ([], Ways()),
        (["--lean", "--aligned"], Ways(lean=True, aligned=True)),
        (["--bound"], Ways(bound=True)),
        (["--lean", "--bound", "--library", "x.so"], Ways(lean=True, bound=True, library=Path("x.so"))),
    ],
)
def test_ways_are_arguments(arguments, ways):
    assert split.parse(arguments) == ways


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--fast"], "unrecognized"), (["x"], "unrecognized"), (["--library", "x.so", "--lean"], "allocates nothing")]
)
def test_others_are_refused(arguments, said):
    with pytest.raises(UsageError, match=said):
        split.parse(arguments)


def test_all_ways_give_the_same_bits(build: Build, tensor: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said = []
    for ways in ways_of(library):
        monkeypatch.setattr(clock, "forward", split_runner.forward(ways))
        runner, model = loaded(ways, build())
        out = tmp_path / "answer.npz"
        predicted = runner.predict(protocol.PredictArgs(model.id, None, str(tensor), 1, (), str(out)))
        timed = runner.time(asked(model.id, tensor))
        # Five images in turn.
        assert timed.crc32 == (*predicted.crc32, *predicted.crc32[:2])
        assert min(timed.samples) > 0
        said.append((predicted.crc32, predicted.top1, model.inputs, model.outputs, model.classes, model.model_sha256))
    assert all(each == said[0] for each in said)


def test_they_differ_in_what_they_say_alone(build: Build, library: Path):
    for ways in ways_of(library):
        runner, model = loaded(ways, build(), arena=False, memory_pattern=False, spinning=False, optimization="basic")
        _, real = loaded(Ways(), build(), arena=False, memory_pattern=False, spinning=False, optimization="basic")
        where = "before the forward" if ways.bound else "in each forward"
        assert model.options == real.options | {"output_allocation": where}
        assert (model.placement is None) == ways.lean
        assert (model.providers, runner.handlers().keys()) == (real.providers, SplitRunner(Ways()).handlers().keys())


def test_the_receipt_is_that_of_the_library_that_runs(library: Path):
    own, other = split_runner.hello(None), split_runner.hello(library)
    assert "pybind" in own.library
    assert (other.library, other.library_sha256 != own.library_sha256) == (str(library), True)
    # One build in two files, said by each of them.
    assert (other.version, other.commit, other.source) == (own.version, own.commit, own.source)
    assert other.process.items() == own.process.items()


def test_the_c_function_is_called_and_nothing_else(build: Build, tensor: Path, library: Path, monkeypatch: pytest.MonkeyPatch):
    ways = Ways(lean=True, bound=True, library=library)
    monkeypatch.setattr(clock, "forward", split_runner.forward(ways))
    runner, model = loaded(ways, build())
    calls = []
    bound = capi_session.Session.bound

    def counted(session, given, wanted):
        call = bound(session, given, wanted)
        return lambda: calls.append(given[1].ctypes.data) or call()

    monkeypatch.setattr(capi_session.Session, "bound", counted)
    runner.time(asked(model.id, tensor, warmup=2, samples=5))
    assert len(calls) == 7
    assert len(set(calls)) == 5  # each image has its own place
    assert calls[:2] == calls[2:4]  # warm-up begins with the first image, and so do the samples


def test_aligned_images_begin_at_a_cache_line():
    for images in range(1, 30):
        given = np.random.default_rng(images).normal(size=(images, 1, 4, 4)).astype(np.float32)
        made = split_runner.aligned(given)
        assert np.array_equal(made, given)
        assert all(each.ctypes.data % 64 == 0 for each in made)
    with pytest.raises(UsageError, match="images of 36 bytes"):
        split_runner.aligned(np.zeros((1, 1, 3, 3), np.float32))


def test_an_answer_that_was_not_written_is_no_answer(build: Build, tensor: Path):
    runner, model = loaded(Ways(bound=True), build())
    sample = split_runner.beforehand(runner._model(model.id), np.load(tensor))
    right = sample(0)[1]
    nothing = zlib.crc32(np.full(3, np.nan, np.float32).tobytes())
    assert right != nothing
    real = split_runner.through_bindings
    try:
        split_runner.through_bindings = lambda *_: lambda _turn: 5  # a call that does nothing
        assert split_runner.beforehand(runner._model(model.id), np.load(tensor))(0) == (5, nothing, ())
    finally:
        split_runner.through_bindings = real


def test_what_cannot_be_split(build: Build, tensor: Path, library: Path):
    runner, model = loaded(Ways(), build())
    with pytest.raises(UsageError, match="asked for batch 2"):
        split_runner.forward(Ways())(runner._model(model.id), asked(model.id, tensor, batch=2))
    with pytest.raises(UsageError, match="only the CPU is driven"):
        SplitRunner(Ways(True, True, True, library)).load(protocol.LoadArgs(str(build()), "cuda", {}))


def test_a_library_that_is_none(tmp_path: Path):
    (tmp_path / "text.so").write_text("no")
    for name in ("text.so", "gone.so"):
        with pytest.raises(EnvironmentFault, match="is no ONNX Runtime library"):
            capi.open_library(tmp_path / name)
    with pytest.raises(EnvironmentFault, match=r"is no ONNX Runtime library: .*OrtGetApiBase"):
        capi.open_library(Path("libm.so.6"))


def test_a_session_that_fails_says_what_onnx_runtime_said(build: Build, tmp_path: Path, library: Path):
    opened = capi.open_library(library)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"ONNX Runtime failed: Load model from .*bad.onnx failed"):
        capi_session.Session(opened, tmp_path / "bad.onnx", Options(threads=1))
    session = capi_session.Session(opened, build(), Options(threads=1))
    wrong = np.zeros((1, 3, 31, 32), np.float32)
    with pytest.raises(DataError, match=r"ONNX Runtime failed: .*images"):
        session.run(["logits"], {"images": wrong})
    with pytest.raises(DataError, match="no output 'hidden' of a fixed size"):
        session.run(["hidden"], {"images": np.zeros((1, 3, 32, 32), np.float32)})


def test_a_session_says_what_the_extension_says(build: Build, library: Path):
    session = capi_session.Session(capi.open_library(library), build(), Options(threads=1))
    assert session.get_inputs() == [capi_session.Value("images", (None, 3, 32, 32), "tensor(float)")]
    assert session.get_outputs() == [capi_session.Value("logits", (None, 3), "tensor(float)")]
    images = np.random.default_rng(3).normal(size=(2, 3, 32, 32)).astype(np.float32)
    (answer,) = session.run(None, {"images": images})
    assert answer.shape == (2, 3)
    assert np.isfinite(answer).all()
