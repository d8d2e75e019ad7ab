"""A machine without a GPU, one with, and one whose driver or libraries are broken."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.checkup import gpu
from bench.checkup.row import Row, Said

CARD = Said(good=True, line="NVIDIA H200, 580.1")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """machine(said) has a driver, whose program answers so; machine(None) has none."""

    def made(said: Said | None, libraries: tuple[str, ...] = gpu.ort_rust.CUDA_LIBRARIES) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: name if said else None)
        monkeypatch.setattr(gpu, "ask", lambda *_: said)
        monkeypatch.setattr(gpu, "DRIVER", tmp_path / "none")
        monkeypatch.setattr(gpu.ort_rust, "cuda_libraries", lambda: [Path("/x") / name for name in libraries])

    return made


def receipts(**providers: tuple[str, ...]) -> dict:
    return {name: SimpleNamespace(providers=had) for name, had in providers.items()}


def test_a_machine_without_a_gpu_says_so_and_is_good_unless_cuda_was_asked_for(machine):
    machine(None)
    assert [(row.what, row.good, row.cure) for row in gpu.rows(receipts(a=("cpu",)), wanted=False)] == [("GPU", True, "")]
    (row,) = gpu.rows({}, wanted=True)
    assert row.good is False
    assert "--device cpu" in row.cure


def test_a_gpu_that_all_runtimes_can_use(machine):
    machine(CARD)
    rows = gpu.rows(receipts(a=("cuda", "cpu"), b=("cuda", "cpu")), wanted=True)
    assert [(row.what, row.good) for row in rows] == [("GPU", True), ("CUDA libraries", True), ("CUDA", True)]
    assert rows[0].found == CARD.line
    assert rows[2].found == "can be used by a, b"


@pytest.mark.parametrize(("wanted", "worst"), [(True, False), (False, None)])
def test_what_is_lacking_is_an_error_only_where_cuda_was_asked_for(machine, wanted, worst):
    machine(Said(good=False, line="driver/library version mismatch"), libraries=gpu.ort_rust.CUDA_LIBRARIES[1:])
    rows = gpu.rows(receipts(a=("cuda", "cpu"), b=("cpu",)), wanted=wanted)
    assert [row.good for row in rows] == [worst] * 3
    assert [bool(row.cure) for row in rows] == [True] * 3
    assert rows[0].found == "driver/library version mismatch"
    assert rows[1].found == "not installed: libcublasLt.so.13"
    assert rows[2].found == "cannot be used by b"


def test_a_driver_without_its_program_is_seen(machine, monkeypatch, tmp_path):
    machine(None)
    monkeypatch.setattr(gpu, "ask", lambda *_: Said(good=False, line="nvidia-smi cannot be started"))
    monkeypatch.setattr(gpu, "DRIVER", tmp_path)
    assert gpu.rows({}, wanted=False)[0] == Row(
        "GPU", None, "nvidia-smi cannot be started", "nvidia-smi must work: install the driver again"
    )
