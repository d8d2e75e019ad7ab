"""A worker that crashes, hangs, runs out of memory or talks nonsense is a reason, and the next job has a new worker."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from contract import strict
from export.worker import Work
from export.workshop import WorkFailed, Workshop

WORK = Work("raw.onnx", None, "sim-static", "static", 20, "t.npy", "e.npz", 1)
GOOD = '{"nodes":{"Conv":1},"structural_hash":"ab","opset":20,"checker":"full","max_difference":{"1":0.0}}'


def shop(code: str, seconds: float = 30.0) -> Workshop:
    return Workshop([sys.executable, "-c", code], seconds)


def reason(code: str, seconds: float = 30.0) -> str:
    with shop(code, seconds) as workshop, pytest.raises(WorkFailed) as caught:
        workshop.ask(WORK)
    assert caught.value.where == "sim-static"
    return caught.value.what


def test_a_good_worker_answers_many_jobs():
    with shop(f"import sys\nfor line in sys.stdin: print({GOOD!r}, flush=True)") as workshop:
        workshop.start()
        assert workshop.ask(WORK).nodes == {"Conv": 1}
        assert workshop.ask(WORK) == workshop.ask(WORK)


def test_a_crash_has_its_signal():
    assert reason("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)") == "crashed (SIGSEGV)"


def test_a_hang_has_its_limit_and_is_killed():
    start = time.monotonic()
    assert reason("import time; time.sleep(60)", 0.5) == "took longer than 0.5 s"
    assert time.monotonic() - start < 20


def test_an_exception_has_its_last_line():
    assert reason("raise RuntimeError('bad graph')") == "RuntimeError: bad graph"


def test_a_silent_end_has_its_exit_code():
    assert reason("raise SystemExit(7)") == "ended with exit code 7"


def test_after_a_dead_worker_comes_a_new_one(tmp_path: Path):
    mark = tmp_path / "been"
    code = (
        f"import sys, pathlib\nmark = pathlib.Path({str(mark)!r})\nfor line in sys.stdin:\n"
        f"  if not mark.exists(): mark.touch(); sys.exit(3)\n  print({GOOD!r}, flush=True)"
    )
    with shop(code) as workshop:
        with pytest.raises(WorkFailed):
            workshop.ask(WORK)
        assert workshop.ask(WORK).opset == 20


def test_closing_ends_a_job_in_progress():
    workshop = shop("import time; time.sleep(60)")
    workshop.start()
    threading.Timer(0.5, workshop.close).start()
    start = time.monotonic()
    with pytest.raises((WorkFailed, ValueError)):
        workshop.ask(WORK)
    assert time.monotonic() - start < 20
    with pytest.raises(WorkFailed, match="stopped"):
        workshop.ask(WORK)


def test_the_real_worker_names_what_is_wrong_with_a_file(tmp_path: Path):
    (tmp_path / "raw.onnx").write_bytes(b"no model")
    with Workshop() as workshop, pytest.raises(WorkFailed, match="Unable to parse proto"):
        workshop.ask(strict.decode(Work, {**strict.plain(WORK), "raw": str(tmp_path / "raw.onnx")}, "work"))


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_memory_is_limited():
    code = "from export.worker import _limit_memory; _limit_memory(2**30); bytearray(2**31)"
    assert reason(code) == "MemoryError"
