"""Samples: what is timed, in which order, and the checksums."""

from __future__ import annotations

import gc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from contract.errors import DataError, UsageError
from contract.protocol import TimeArgs
from infer_py import clock, loading, session
from infer_py import model as models
from tests.infer_py.conftest import Build


def arguments(scenario: str, **changed: Any) -> TimeArgs:
    values: dict[str, Any] = {"images": None, "tensor": None, "batch": 1, "warmup": 1, "samples": 4, "max_ns": None, "split": False}
    return TimeArgs("m1", scenario, **{**values, **changed})  # type: ignore[arg-type]


@pytest.fixture
def model(build: Build) -> models.Model:
    return loading.load(build(), "cpu", {"threads": 1})


def test_images_are_taken_in_turn_from_the_first_and_wrap_around(model: models.Model, tensor: Path):
    timed = clock.take(model, arguments("latency", tensor=str(tensor), samples=7))
    images = np.load(tensor)
    expected = [zlib.crc32(model.run(images[number % 5][None])[0]) for number in range(7)]
    assert list(timed.crc32) == expected
    assert len(timed.samples) == 7
    assert min(timed.samples) > 0
    assert timed.split is None


def test_batches_wrap_around(model: models.Model, tensor: Path):
    timed = clock.take(model, arguments("throughput", tensor=str(tensor), batch=3, samples=3))
    images = np.load(tensor)
    order = ([0, 1, 2], [3, 4, 0], [1, 2, 3])
    assert list(timed.crc32) == [zlib.crc32(model.run(images[places])[0]) for places in order]


def test_a_batch_larger_than_the_tensor_repeats_it():
    images = np.arange(3)
    assert [list(each) for each in clock.turns(images, 8)[::2]] == [[0, 1, 2, 0, 1, 2, 0, 1], [2, 0, 1, 2, 0, 1, 2, 0]]


def test_whole_batches_are_views():
    images = np.arange(6)
    assert all(np.shares_memory(each, images) for each in clock.turns(images, 1))
    batches = clock.turns(images, 3)
    assert all(np.shares_memory(each, batches[0].base) for each in batches)


def test_the_time_limit_leaves_at_least_one_sample(model: models.Model, tensor: Path):
    assert len(clock.take(model, arguments("latency", tensor=str(tensor), samples=1000, max_ns=1)).samples) == 1


def test_end_to_end_splits_add_up(model: models.Model, photo: Path):
    timed = clock.take(model, arguments("e2e", images=(str(photo),), split=True, samples=3))
    assert timed.split is not None
    assert tuple(timed.split) == ("read", "decode", "resize", "normalise", "logits", "label")
    for place, total in enumerate(timed.samples):
        assert sum(part[place] for part in timed.split.values()) == total
    assert len(set(timed.crc32)) == 1


def test_end_to_end_without_a_split(model: models.Model, photo: Path):
    assert clock.take(model, arguments("e2e", images=(str(photo),))).split is None


def test_without_a_warm_up_nothing_runs_before_the_first_sample(model: models.Model, tensor: Path, monkeypatch: pytest.MonkeyPatch):
    runs: list[object] = []

    class Counting:
        def run(self, *asked: object) -> list[np.ndarray]:
            runs.append(asked)
            return real.run(*asked)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    real = model.session
    monkeypatch.setattr(model, "session", Counting())
    clock.take(model, arguments("latency", tensor=str(tensor), warmup=0, samples=2))
    assert len(runs) == 2


def test_a_model_that_fails_while_it_is_timed_is_a_data_error(build: Build, tensor: Path):
    def split_in_four(model: onnx.ModelProto) -> None:
        model.graph.node[3].input[0] = "folded"
        model.graph.node.insert(3, onnx.helper.make_node("Reshape", ["pooled", "shape"], ["folded"]))
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 4], np.int64), "shape"))

    path = build()
    changed = onnx.load(path)
    split_in_four(changed)
    path.write_bytes(changed.SerializeToString())
    broken = loading.load(path, "cpu", {"threads": 1})
    with pytest.raises(DataError, match="ONNX Runtime failed"):
        clock.take(broken, arguments("latency", tensor=str(tensor)))


def test_load_makes_a_session_a_sample(model: models.Model, monkeypatch: pytest.MonkeyPatch):
    made: list[Path] = []
    create = session.create
    monkeypatch.setattr(session, "create", lambda path, *rest, **more: (made.append(path), create(path, *rest, **more))[1])
    timed = clock.take(model, arguments("load", warmup=2, samples=3))
    assert made == [model.file.path] * 5
    assert timed.crc32 == (0, 0, 0)


def test_the_collector_rests_and_is_restored(model: models.Model, tensor: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[bool] = []
    checksum = clock.answer.checksum
    monkeypatch.setattr(clock.answer, "checksum", lambda array: (seen.append(gc.isenabled()), checksum(array))[1])
    clock.take(model, arguments("latency", tensor=str(tensor)))
    assert seen == [False] * 5
    assert gc.isenabled()


@pytest.mark.parametrize(
    "bad",
    [
        arguments("e2e", images=()),
        arguments("e2e", images=("a.jpg",), batch=2),
    ],
)
def test_arguments_that_do_not_fit(model: models.Model, bad: TimeArgs):
    with pytest.raises(UsageError):
        clock.take(model, bad)


def test_a_static_variant_is_not_timed_at_another_batch(build: Build, tensor: Path):
    static = loading.load(build(batch=1), "cpu", {"threads": 1})
    with pytest.raises(UsageError, match="batches of 1, asked for 8"):
        clock.take(static, arguments("throughput", tensor=str(tensor), batch=8))


def test_a_tensor_file_that_is_none(model: models.Model, tmp_path: Path):
    for name, content in (("text.npy", b"no"), ("empty.npy", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"not an \.npy file"):
            clock.take(model, arguments("latency", tensor=str(tmp_path / name)))
    np.save(tmp_path / "wide.npy", np.zeros((1, 3, 32, 32)))
    with pytest.raises(DataError, match="got float64"):
        clock.take(model, arguments("latency", tensor=str(tmp_path / "wide.npy")))
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError):
        clock.take(model, arguments("latency", tensor=str(tmp_path / "pickled.npy")))
