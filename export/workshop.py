"""The step's side of the worker: hand out jobs, with a time limit; a dead or slow worker is a reason, not the end of the run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

from contract import strict
from contract.errors import ConcordError
from contract.layout import CHECKOUT
from export.worker import Checked, Work

SECONDS = 300.0  # the slowest default variant takes 10 s


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
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Start the worker now, so that its imports overlap with other work."""
        with self._lock:
            if self._process is not None or self._closed:
                return
            self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with the worker
            # A session of its own: Ctrl-C is for the step, which then kills the worker with all its threads and children.
            self._process = subprocess.Popen(
                self._command,
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
                start_new_session=True,
            )

    def ask(self, work: Work) -> Checked:
        """Have one job done. Raises WorkFailed with the reason."""
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
        raise WorkFailed(reason, where=work.name)

    def close(self) -> None:
        """Kill the worker, if there is one."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            _kill(process)
            _release(process)
        if self._log is not None:
            self._log.close()

    def _reap(self, process: subprocess.Popen[str], *, late: bool) -> str:
        with self._lock:
            self._process = None
        code = process.wait()
        _release(process)
        last = ""
        if self._log is not None and not self._log.closed:
            self._log.seek(0)
            last = next((line.strip() for line in reversed(self._log.readlines()) if line.strip()), "")
            self._log.close()
        if late:
            return f"took longer than {self._seconds:g} s"
        if code < 0:
            return f"crashed ({signal.Signals(-code).name})"
        return last[:300] or f"ended with exit code {code}"


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


def _release(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # of what was buffered for a dead worker
                pipe.close()
