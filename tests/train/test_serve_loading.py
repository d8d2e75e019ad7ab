"""How the torch-eager runner opens a model: what is drawn, verified and timed."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from contract import artifact, manifest, process, protocol
from contract.manifest import CHECKPOINT, TRAIN
from tests.train.served import write_model
from train import device
from train.model.build import bare
from train.serve import loading, timing


def test_opening_draws_no_random_weights_and_serves_the_very_weights_of_the_file(home: Path) -> None:
    path = home / "abcd1234" / TRAIN
    state = torch.random.get_rng_state()
    session, took = loading.open_session(path, "cpu", torch.float32)
    assert took > 0
    assert torch.equal(state, torch.random.get_rng_state())
    plain = bare("squeezenet1_1", 3, pretrained=False)
    plain.load_state_dict(load_file(home / "abcd1234" / CHECKPOINT))
    own, expected = session.model.state_dict(), plain.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[name], tensor) and own[name].stride() == tensor.stride() for name, tensor in expected.items())
    images = np.load(home / "x.npy")
    with torch.inference_mode():
        assert np.array_equal(session.forward(images), plain.eval()(torch.from_numpy(images)).numpy())


@pytest.mark.parametrize("backbone", ["mobilenet_v3_small", "swin_v2_t"])
def test_what_is_no_weight_is_made_as_ever(backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever the file would not replace is NaN now.
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    draws = dict(vars(torch.nn.init))
    write_model(tmp_path / "m", tmp_path, backbone)
    plain = bare(backbone, 3, pretrained=False)
    plain.load_state_dict(load_file(tmp_path / "m" / CHECKPOINT))
    opened = loading.open_session(tmp_path / "m" / TRAIN, "cpu", torch.float32)[0].model
    assert dict(vars(torch.nn.init)) == draws
    for kind in ("named_parameters", "named_buffers"):
        own, expected = dict(getattr(opened, kind)()), dict(getattr(plain, kind)())
        assert own.keys() == expected.keys()
        assert all(torch.equal(own[name], tensor) for name, tensor in expected.items())
    images = torch.zeros(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(opened(images), plain.eval()(images))


def test_verification_is_outside_of_the_clock_of_load(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = protocol.LoadArgs(str(home / "abcd1234" / TRAIN), "cpu", {})
    slow = artifact.sha256_file
    monkeypatch.setattr(artifact, "sha256_file", lambda path: (time.sleep(2), slow(path))[1])
    began = time.perf_counter_ns()
    session, loaded = loading.load(args, "m1")
    assert time.perf_counter_ns() - began > 2e9 > loaded.ns

    def never(*_: object) -> None:
        raise AssertionError("the scenario load verifies again")

    for place, name in ((artifact, "sha256_file"), (manifest, "read"), (torch, "isfinite")):
        monkeypatch.setattr(place, name, never)
    asked = protocol.TimeArgs("m1", "load", None, None, 1, 1, 3, None, split=False)
    assert len(timing.time_samples(session, asked).samples) == 3


@pytest.fixture
def flushed() -> Iterator[None]:
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU cannot zero denormals")
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("flushed")
def test_denormals_are_those_of_the_arithmetic(home: Path) -> None:
    _, loaded = loading.load(protocol.LoadArgs(str(home / "abcd1234" / TRAIN), "cpu", {}), "m1")
    assert loaded.options["denormals"] == process.denormals() == "zeroed"
    torch.set_flush_denormal(False)
    assert loading.denormals() == process.denormals() == "kept"


def test_what_cuda_has_is_what_torch_says(monkeypatch: pytest.MonkeyPatch) -> None:
    device.plain_fp32()
    assert not {"tf32", "conv_search"} & loading._in_force("cpu").keys()
    assert [loading._in_force("cuda")[key] for key in ("tf32", "conv_search")] == [False, "heuristic"]
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert [loading._in_force("cuda")[key] for key in ("tf32", "conv_search")] == [True, "exhaustive"]


def test_the_collector_rests_while_samples_are_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = loading.load(protocol.LoadArgs(str(home / "abcd1234" / TRAIN), "cpu", {}), "m1")
    seen: list[bool] = []
    monkeypatch.setattr(timing, "crc32", lambda _: (seen.append(gc.isenabled()), 7)[1])
    timing.time_samples(session, protocol.TimeArgs("m1", "latency", None, str(home / "x.npy"), 1, 1, 2, None, split=False))
    assert (seen, gc.isenabled()) == ([False, False], True)
