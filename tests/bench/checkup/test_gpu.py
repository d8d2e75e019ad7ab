"""A machine without a GPU, one with, and one whose driver, wheels or libraries are broken, for torch, for ONNX Runtime, or for both."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.checkup import cure, gpu
from bench.checkup.row import Said

CARD = Said(good=True, line="NVIDIA H200, 580.1")
LIBRARIES = (*gpu.TORCH_LIBRARIES, *gpu.ort_rust.CUDA_LIBRARIES)
WHEELS = {"torch": "2.15.0", "onnxruntime-gpu": "1.31.1"}
RUNNERS = ("torch-eager", "ort-python", "ort-rust")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """machine(said) has a driver, whose program answers so; machine(None) has none."""

    def made(said: Said | None, *, without: str = "", wheels: Mapping[str, str] = WHEELS) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: name if said else None)
        monkeypatch.setattr(gpu, "ask", lambda *_: said)
        monkeypatch.setattr(gpu, "DRIVER", tmp_path / "none")
        monkeypatch.setattr(gpu, "installed", wheels.get)
        monkeypatch.setattr(gpu.platform, "machine", lambda: "x86_64")
        monkeypatch.setattr(
            gpu.ort_rust, "cuda_libraries", lambda names: [Path("/x") / name for name in names if name in LIBRARIES and name != without]
        )

    return made


def receipts(*without: str, names: tuple[str, ...] = RUNNERS) -> dict:
    """Of runners that can all use CUDA, but for these."""
    return {name: SimpleNamespace(providers=("cpu",) if name in without else ("cuda", "cpu")) for name in names}


def states(rows: list) -> dict[str, bool | None]:
    return {row.what: row.good for row in rows}


def test_a_machine_without_a_gpu_says_so_and_is_good_unless_cuda_was_asked_for(machine):
    machine(None)
    assert [(row.what, row.good, row.cure) for row in gpu.rows(receipts(*RUNNERS), wanted=False)] == [("GPU", True, "")]
    (row,) = gpu.rows({}, wanted=True)
    assert row.good is False
    assert "--device cpu" in row.cure


def test_a_gpu_that_all_runtimes_can_use(machine):
    machine(CARD)
    rows = gpu.rows(receipts(), wanted=True)
    assert [(row.what, row.good, row.cure) for row in rows] == [("GPU", True, ""), (gpu.TORCH, True, ""), (gpu.RUNTIME, True, "")]
    assert rows[0].found == CARD.line
    assert rows[1].found.endswith("; can be used by torch-eager")
    assert rows[2].found.endswith("; can be used by ort-python, ort-rust")


def test_a_runner_that_was_not_there_is_not_said_to_use_it(machine):
    machine(CARD)
    _, torch, runtime = gpu.rows(receipts(names=("ort-rust",)), wanted=True)
    assert torch.found.endswith("; none of its runners was there to try")
    assert runtime.found.endswith("; can be used by ort-rust")


@pytest.mark.parametrize(("wanted", "worst"), [(True, False), (False, None)])
@pytest.mark.parametrize(
    ("lacking", "row", "found", "mend"),
    [
        ({"without": "libnccl.so.2"}, gpu.TORCH, "not installed: libnccl.so.2", cure.sync("--reinstall")),
        ({"without": "libcurand.so.10"}, gpu.RUNTIME, "not installed: libcurand.so.10", cure.sync("--reinstall")),
        (
            {"wheels": WHEELS | {"torch": "2.15.0+cpu"}},
            gpu.TORCH,
            "torch 2.15.0+cpu is built without CUDA",
            cure.sync("--reinstall-package torch"),
        ),
        ({"wheels": {"onnxruntime-gpu": "1.31.1"}}, gpu.TORCH, "torch is not installed", cure.sync()),
        (
            {"wheels": {"torch": "2.15.0", "onnxruntime": "1.31.1"}},
            gpu.RUNTIME,
            "the wheel onnxruntime-gpu is not installed, and the other has no CUDA",
            cure.sync("--reinstall-package onnxruntime-gpu"),
        ),
    ],
)
def test_what_the_one_lacks_is_not_said_of_the_other(machine, wanted, worst, lacking, row, found, mend):
    machine(CARD, **lacking)
    rows = gpu.rows(receipts(), wanted=wanted)
    assert states(rows) == {"GPU": True, gpu.TORCH: True, gpu.RUNTIME: True} | {row: worst}
    assert [(each.found, each.cure) for each in rows if each.what == row] == [(found, mend)]


def test_where_no_wheel_has_cuda_the_cpu_is_what_there_is(machine, monkeypatch):
    machine(CARD, wheels={"torch": "2.15.0", "onnxruntime": "1.31.1"})
    monkeypatch.setattr(gpu.platform, "machine", lambda: "aarch64")
    assert gpu.rows(receipts(), wanted=True)[2].cure == gpu.ON_CPU


@pytest.mark.parametrize(("runner", "row"), [("torch-eager", gpu.TORCH), ("ort-rust", gpu.RUNTIME)])
def test_a_runner_that_cannot_use_what_is_there_is_named(machine, runner, row):
    machine(CARD)
    rows = gpu.rows(receipts(runner), wanted=True)
    assert states(rows) == {"GPU": True, gpu.TORCH: True, gpu.RUNTIME: True} | {row: False}
    (bad,) = [each for each in rows if each.what == row]
    assert bad.found.startswith(f"cannot be used by {runner}, ")
    assert "driver 580 or newer" in bad.cure


def test_a_runtime_of_another_library_that_lacks_cuda_has_a_row(machine):
    machine(CARD)
    *_, row = gpu.rows(receipts("openvino", names=(*RUNNERS, "openvino")), wanted=True)
    assert (row.what, row.good) == ("CUDA for openvino", False)
    assert row.cure.endswith("--without openvino")


@pytest.mark.parametrize(("wanted", "worst"), [(True, False), (False, None)])
def test_a_driver_whose_program_fails_is_an_error_only_where_cuda_was_asked_for(machine, wanted, worst):
    machine(Said(good=False, line="driver/library version mismatch"))
    row = gpu.rows(receipts(), wanted=wanted)[0]
    assert (row.what, row.good, row.found) == ("GPU", worst, "driver/library version mismatch")
    assert row.cure.endswith("sudo reboot")


def test_a_driver_without_its_program_is_seen(machine, monkeypatch, tmp_path):
    machine(None)
    monkeypatch.setattr(gpu, "ask", lambda *_: Said(good=False, line="nvidia-smi cannot be started"))
    monkeypatch.setattr(gpu, "DRIVER", tmp_path)
    row = gpu.rows({}, wanted=False)[0]
    assert (row.what, row.good, row.found) == ("GPU", None, "nvidia-smi cannot be started")
    assert row.cure.startswith(gpu.INSTALL)


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="the lock has these libraries for Linux on x86-64")
def test_the_libraries_that_are_looked_for_are_in_the_locked_wheels():
    assert {path.name for path in gpu.ort_rust.cuda_libraries(LIBRARIES)} == set(LIBRARIES)
