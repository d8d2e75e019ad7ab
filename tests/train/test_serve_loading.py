"""How the torch-eager runner opens a model: what is drawn, verified and timed."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from contract import artifact, manifest, protocol
from contract.manifest import CHECKPOINT, TRAIN
from tests.train.served import write_model
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
