"""Ways of calling one session: all counted, all compared with each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from contract import strict
from contract.errors import DataError, UsageError
from contract.overhead import Counted
from infer_py import clock, command, loading, overhead
from infer_py import model as models
from tests.infer_py.conftest import Build

WAYS = ("run", "timed", "io_binding", "empty", "stopwatch")


@pytest.fixture
def model(build: Build) -> models.Model:
    return loading.load(build(card=None), "cpu", {"threads": 1})


def test_every_way_has_a_block_in_every_round(model: models.Model):
    counted = overhead.count(model, 3, 4, 0)
    assert tuple(counted.ways) == WAYS
    assert all(len(blocks) == 4 and min(blocks) > 0 for blocks in counted.ways.values())
    assert (counted.receipt.runtime, counted.threads, counted.calls) == ("ort-python", 1, 3)


def test_the_order_of_a_round_is_drawn_from_the_seed(model: models.Model, monkeypatch: pytest.MonkeyPatch):
    def orders(seed: int) -> list[str]:
        taken: list[str] = []
        monkeypatch.setattr(overhead, "_ways", lambda _: {name: lambda _calls, name=name: taken.append(name) or 1 for name in WAYS})
        overhead.count(model, 1, 20, seed)
        assert taken[::2] == taken[1::2], "each block is warmed up"
        assert all(sorted(taken[at : at + 10 : 2]) == sorted(WAYS) for at in range(0, len(taken), 10))
        return taken

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


@pytest.mark.parametrize("way", ["run_with_iobinding", "run"])
def test_a_way_that_answers_otherwise_is_an_error(model: models.Model, monkeypatch: pytest.MonkeyPatch, way: str):
    class Wrong:
        calls = 0

        def __getattr__(self, name: str) -> Any:
            return self.wrong if name == way else getattr(real, name)

        def wrong(self, *asked: Any) -> list[np.ndarray] | None:
            Wrong.calls += 1
            answer = getattr(real, way)(*asked)
            return None if way == "run_with_iobinding" else [array + Wrong.calls for array in answer]

    real = model.session
    monkeypatch.setattr(model, "session", Wrong())
    if way == "run_with_iobinding":
        monkeypatch.setattr(Wrong, "wrong", lambda *_: None)
    with pytest.raises(DataError, match="answers otherwise"):
        overhead.count(model, 2, 1, 0)


def test_a_model_whose_image_size_is_open_is_refused(build: Build):
    path = build(card=None)
    changed = onnx.load(path)
    changed.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    path.write_bytes(changed.SerializeToString())
    with pytest.raises(UsageError, match="not fixed"):
        overhead.count(loading.load(path, "cpu", {"threads": 1}), 1, 1, 0)


def test_the_sample_is_the_one_that_time_takes(model: models.Model):
    images = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    ns, checksum, split = clock.sampler(model, images, 1)(0)
    assert (ns > 0, split) == (True, ())
    assert checksum == clock.answer.checksum(model.run(images)[0])


def test_the_command_prints_a_table_or_json(build: Build, capsys: pytest.CaptureFixture[str]):
    words = ["overhead", str(build(card=None)), "--threads", "1", "--calls", "2", "--blocks", "2"]
    assert command.main(words) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(WAYS)
    assert command.main([*words, "--json"]) == 0
    text = capsys.readouterr().out
    assert strict.decode(Counted, strict.loads(text, "stdout"), "stdout").calls == json.loads(text)["calls"] == 2


def test_no_calls_are_a_usage_error(build: Build, tmp_path: Path):
    with pytest.raises(UsageError, match="at least 1"):
        command.main(["overhead", str(tmp_path / "m.onnx"), "--calls", "0"])
