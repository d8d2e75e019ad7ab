"""The step's side of the worker: hand out jobs, with a time limit; a dead or slow worker is a reason, not the end of the run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import IO, Self

from contract import strict
from contract.errors import ENVIRONMENT, ConcordError, EnvironmentFault
from contract.layout import CHECKOUT
from export.worker import Checked, Work

SECONDS = 300.0  # the slowest default variant takes 10 s
Timed = tuple[Checked, float]


class WorkFailed(ConcordError):
    """One variant could not be made or checked; the others go on."""

    exit_code = 1
    kind = "judged"


class Workshop:
    """One worker at a time, kept between jobs for its imports, replaced when it dies. A context manager."""

    def __init__(self, command: Sequence[str] | None = None, seconds: float = SECONDS) -> None:
        self._command = list(command or (sys.executable, "-m", "export.worker", str(memory_limit())))
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None
        self._closed = False
        self._lock = threading.RLock()
        # One thread for the whole step, not one per backbone: Linux kills a worker when the *thread* that started it ends
        # (PR_SET_PDEATHSIG), and the worker that replaces a dead one is started by the thread that waits for it.
        self._thread = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Start the worker now, so that its imports overlap with other work. Call it from a thread that lives as long as the workshop."""
        with self._lock:
            if self._closed or (self._process is not None and self._process.poll() is None):
                return
            if self._process is not None:
                # It died between two jobs: that is the fault of neither, so the next one gets a worker that lives.
                self._forget(self._process)
            self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with the worker
            # A session of its own: Ctrl-C is for the step, which then kills the worker with all its threads and children.
            self._process = subprocess.Popen(
                self._command,
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                encoding="utf-8",
                start_new_session=True,
            )

    def submit(self, work: Work, during: AbstractContextManager[None]) -> Future[Timed]:
        """Have one job done behind the caller's back, after those before it, and timed in seconds; `during` is entered meanwhile."""

        def timed() -> Timed:
            with during:
                start = time.monotonic()
                return self.ask(work), time.monotonic() - start

        return self._thread.submit(timed)

    def ask(self, work: Work) -> Checked:
        """Have one job done. Raises WorkFailed with the reason, EnvironmentFault where the next job would fail, too: a full disk."""
        self.start()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise WorkFailed("stopped", where=work.name)
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(self._seconds, end)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(strict.dumps(work) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line.endswith("\n"):
            return strict.decode(Checked, strict.loads(line, "worker"), "worker")
        reason = self._reap(process, late=late.is_set())
        if process.returncode == ENVIRONMENT and not late.is_set():
            raise EnvironmentFault(reason, where=work.out or work.raw, next="free some space, or point --artifacts at another disk")
        raise WorkFailed(reason, where=work.name)

    def close(self) -> None:
        """Kill the worker, if there is one, in the middle of a job too; the jobs behind it are not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            _kill(process)
        self._thread.shutdown()  # it reads the worker's last words before they are let go
        if process is not None:
            self._forget(process)

    def _reap(self, process: subprocess.Popen[str], *, late: bool) -> str:
        with self._lock:
            self._process = None
        code = process.wait()
        last = ""
        if self._log is not None and not self._log.closed:
            self._log.seek(0)
            last = next((line.strip() for line in reversed(self._log.readlines()) if line.strip()), "")
        self._forget(process)
        if late:
            return f"took longer than {self._seconds:g} s"
        if code < 0:
            return f"crashed ({signal.Signals(-code).name})"
        return last[:300] or f"ended with exit code {code}"

    def _forget(self, process: subprocess.Popen[str]) -> None:
        # Who waits for the worker and who closes the workshop may both come here at once, and a file is not to be closed by two.
        with self._lock:
            for pipe in (process.stdin, process.stdout, self._log):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):  # of what was buffered for a dead worker
                        pipe.close()


def memory_limit() -> int:
    """Bytes of address space that a worker may use: three quarters of the machine's memory, 0 where that is unknown."""
    if not hasattr(os, "sysconf"):
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
