"""ONNX Runtime's threads spin on for some 50 ms after a forward: what is left of that for whoever is timed next."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import OPTIONS, Fleet
from bench.measure import sentinel
from bench.runner import CAN_FREEZE, Runner
from contract.protocol import LoadArgs, TimeArgs
from tests.infer_py.conftest import add_card, card, network

# DESIGN.md, and the issue: a block may be disturbed by the one before it by so much.
MOST = 0.002
NAMES = ("ort-python~1", "ort-python~2")


def forwards(runner: Runner, id: str, tensor: Path, seconds: float) -> None:
    """Time forwards for so long."""
    runner.time(TimeArgs(id, "latency", None, str(tensor), 1, 1, 10**6, round(seconds * 1e9), split=False), 60.0)


@pytest.mark.skipif(not CAN_FREEZE or not sentinel.PROC.is_dir(), reason="no SIGSTOP, or no /proc")
def test_a_frozen_runner_takes_nothing_from_the_next_block_and_would_take_much(tmp_path):
    """Two real runners, spinning on, two threads each: CPU time of the one that has just worked, while the other is timed."""
    model, tensor = tmp_path / "model.onnx", tmp_path / "x.npy"
    model.write_bytes(add_card(network(), card()).SerializeToString())
    np.save(tensor, np.zeros((4, 3, 32, 32), np.float32))
    with Fleet(("ort-python",), 2, tmp_path / "logs") as fleet:
        assert OPTIONS["spinning"] is True
        ids = {name: fleet.only(name).load(LoadArgs(str(model), "cpu", fleet.options)).id for name in NAMES}
        first, second = NAMES
        # Not frozen, its threads spin on: there is something to keep away.
        forwards(fleet.only(first), ids[first], tensor, 0.05)
        free = sentinel.cpu_ns([fleet.runner(first).pid])
        time.sleep(0.05)
        free = sentinel.cpu_ns([fleet.runner(first).pid]) - free
        shares = []
        for _ in range(3):
            forwards(fleet.only(first), ids[first], tensor, 0.05)
            frozen = fleet.frozen_beside(second)
            began, used = time.monotonic_ns(), sentinel.cpu_ns(frozen)
            forwards(fleet.runner(second), ids[second], tensor, 0.3)
            shares.append((sentinel.cpu_ns(frozen) - used) / (time.monotonic_ns() - began))
    assert free > 2_000_000
    assert max(shares) <= MOST
