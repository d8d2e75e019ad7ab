"""A worker that crashes, hangs, runs out of memory or talks nonsense is a reason, and the next job has a new worker."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from contract import strict
from contract.errors import EnvironmentFault
from export.build import build
from export.worker import Work
from export.workshop import WorkFailed, Workshop
from tests.export import trained
from tests.export.conftest import job, tiny

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


def test_a_full_disk_ends_the_step_and_is_no_failed_variant():
    with (
        shop("import sys; print('no space left (x)', file=sys.stderr); sys.exit(3)") as workshop,
        pytest.raises(EnvironmentFault) as caught,
    ):
        workshop.ask(WORK)
    assert (caught.value.what, caught.value.where) == ("no space left (x)", "raw.onnx")


def test_the_real_worker_says_so():
    code = """
import errno, sys
import export.worker as worker
def full(_):
    raise OSError(errno.ENOSPC, "No space left on device")
worker.check = full
sys.argv = ["worker", "0"]
sys.exit(worker.main())"""
    with shop(code) as workshop, pytest.raises(EnvironmentFault, match=r"no space left \(No space left on device\)"):
        workshop.ask(WORK)


def test_a_silent_end_has_its_exit_code():
    assert reason("raise SystemExit(7)") == "ended with exit code 7"


def test_after_a_dead_worker_comes_a_new_one(tmp_path: Path):
    mark = tmp_path / "been"
    code = (
        f"import sys, pathlib\nmark = pathlib.Path({str(mark)!r})\nfor line in sys.stdin:\n"
        f"  if not mark.exists(): mark.touch(); sys.exit(5)\n  print({GOOD!r}, flush=True)"
    )
    with shop(code) as workshop:
        with pytest.raises(WorkFailed):
            workshop.ask(WORK)
        assert workshop.ask(WORK).opset == 20


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_worker_that_died_between_two_jobs_is_the_fault_of_neither():
    code = f"import sys\nfor line in sys.stdin: print({GOOD!r}, flush=True)"
    with shop(code) as workshop:
        workshop.ask(WORK)
        first = workshop._process
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert workshop.submit(WORK, nullcontext()).result()[0].opset == 20
        assert workshop._process is not first
        assert first.stdin is not None
        assert first.stdin.closed, "its pipes are not left open"


# The real worker, which notes that it was started, and crashes once: at the first job of a name.
CRASHING = """
import os, pathlib, signal, sys
from export import worker
notes, name = pathlib.Path(sys.argv[2]), sys.argv[3]
with (notes / "started").open("a") as started: print(os.getpid(), file=started)
check = worker.check
def crash_once(work):
    if work.name == name and not (notes / "crashed").exists():
        (notes / "crashed").touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return check(work)
worker.check = crash_once
worker.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_worker_after_a_crash_serves_the_next_backbone_too(tmp_path: Path):
    made = [trained.write(tmp_path / name / "0123abcd", name, tiny(), tmp_path / name / "images") for name in ("first", "second")]
    with Workshop([sys.executable, "-c", CRASHING, "0", str(tmp_path), "sim-static"]) as workshop:
        workshop.start()
        first, second = (build(job(tmp_path / each.backbone / "0123abcd", each), tiny, workshop, 1, "s") for each in made)
    assert [(entry.name, entry.why) for entry in first.failed] == [("sim-static", "crashed (SIGSEGV)")]
    assert second.failed == ()
    assert len(second.variants) == 4
    assert len((tmp_path / "started").read_text().split()) == 2, "the one that crashed, and the one that came after it"


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
