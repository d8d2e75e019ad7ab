"""Summing a trace, and the receipt's small parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.protocol import NodeTime, OperatorTime
from infer_py import decoder, profiler, receipt


def kernel(name: str, kind: str, ts: int, dur: int) -> dict[str, object]:
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": ts, "dur": dur, "args": {"op_name": kind}}


def test_the_first_run_is_left_out_and_the_rest_is_summed():
    events = [
        kernel("a", "Conv", 10, 500),
        {"cat": "Session", "name": "model_run", "ts": 0, "dur": 600},
        kernel("a", "Conv", 700, 3),
        kernel("b", "Relu", 710, 5),
        {"cat": "Node", "name": "a_fence_before", "ts": 720, "dur": 99, "args": {"op_name": "Conv"}},
        {"cat": "Session", "name": "model_run", "ts": 690, "dur": 100},
        kernel("a", "Conv", 800, 4),
        kernel("c", "Conv", 810, 1),
    ]
    found = profiler.summed(events, 93_000)
    assert found.wall_ns == 93_000
    assert found.operators == (OperatorTime("Conv", 3, 8000), OperatorTime("Relu", 1, 5000))
    assert found.nodes == (NodeTime("a", "Conv", 7000), NodeTime("b", "Relu", 5000), NodeTime("c", "Conv", 1000))


def test_an_empty_trace():
    assert profiler.summed([], 0).operators == ()


def test_commit_of_the_build():
    assert receipt.commit("ORT Build Info: git-branch=HEAD, git-commit-id=6af1a932e, build type=Release") == "6af1a932e"
    assert receipt.commit("nothing said") is None


def test_the_smallest_model_is_one():
    import onnx

    model = onnx.load_model_from_string(receipt.smallest_model())
    onnx.checker.check_model(model, full_check=True)
    assert receipt._runs_on("cpu")


@pytest.mark.parametrize(
    ("content", "known"), [(b"\x7fELF JSIMD_FORCENONE JSIMD_FORCEAVX2", True), (b"\x7fELF no such name", False), (None, None)]
)
def test_simd_is_what_the_mapped_library_says_or_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, known: object
):
    library = tmp_path / "libjpeg.so.62"
    if content is not None:
        library.write_bytes(content)
    line = f"7f00-7f01 r-xp 00000000 00:00 1    {library if content is not None else '/lib/libz.so'}\n"
    monkeypatch.setattr(Path, "read_text", lambda _: line * 2)
    assert decoder.jpeg_simd() is known
