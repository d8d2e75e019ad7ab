"""A runner from the outside: start it, ask it, freeze and thaw it, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar, cast

from bench.measure import comparable
from bench.runtimes import Descriptor
from contract import protocol, strict
from contract.errors import ConcordError, EnvironmentFault
from contract.layout import CHECKOUT

R = TypeVar("R")
CAN_FREEZE = hasattr(signal, "SIGSTOP")
QUIT_SECONDS = 3.0
# A thread that waits for a disk cannot be stopped, and uses no CPU time either: it is not waited for.
STOP_SECONDS = 1.0
# Samples may be longer than the wait for them by the grain of a clock, and by what two clocks of one kernel differ.
GRAIN_NS, OTHER_CLOCK = 1_000, 0.001


class RunnerError(ConcordError):
    """A runner died, hung, or broke the protocol: its cells become error rows, the others go on."""

    exit_code = 3
    kind = "environment"


class RunnerLate(RunnerError):
    """A runner gave no answer in time, and was killed."""


class Runner:
    """A started runner in a process group of its own; a context manager that ends it whatever happens.

    Its stderr goes to `log`, a file: an undrained pipe would block it. `began_ns`: just before it was spawned, `answered_ns`: when its last
    answer was taken, by this machine's monotonic clock.
    """

    def __init__(self, descriptor: Descriptor, providers: tuple[str, ...], log: Path) -> None:
        self.name = descriptor.name
        self._expected_source = descriptor.source()
        self._log = log
        self._seq = 0
        # The request whose answer nobody received yet, when it must have come, and how long that is.
        self._asked: tuple[protocol.Request, float, float] | None = None
        self._frozen, self._frozen_at = False, 0.0
        self.answered_ns = 0
        log.parent.mkdir(parents=True, exist_ok=True)
        # The log outlives restarts: an error must not quote what an earlier process said.
        self._log_start = log.stat().st_size if log.exists() else 0
        command = descriptor.command(providers)
        try:
            with log.open("ab") as stderr:
                self.began_ns = time.monotonic_ns()
                self._process = subprocess.Popen(
                    command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
                )
        except OSError as fault:
            raise EnvironmentFault(
                f"cannot be started: {fault.strerror}", where=f"{self.name}: {command[0]}", next="nox -s doctor"
            ) from fault
        os.set_blocking(self._stdin.fileno(), False)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def _stdin(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)

    @property
    def pid(self) -> int:
        """Process id, which is also the process group's."""
        return self._process.pid

    def hello(self, seconds: float = 180.0) -> protocol.Receipt:
        """The receipt. Raises RunnerError for another protocol number or a stale build: no receipt, no measurement."""
        receipt = self.ask("hello", protocol.HelloArgs(), protocol.Receipt, seconds)
        if receipt.protocol != protocol.PROTOCOL:
            raise RunnerError(f"speaks protocol {receipt.protocol}, the bench {protocol.PROTOCOL}", where=self.name, next="nox -s build")
        if receipt.runtime != self.name:
            raise RunnerError(f"says it is {receipt.runtime}", where=self.name, next="nox -s build")
        if receipt.source != self._expected_source:
            raise RunnerError("is stale: it was built from other sources than this checkout's", where=self.name, next="nox -s build")
        if receipt.build == "debug":
            raise RunnerError("is a debug build", where=self.name, next="nox -s build")
        self._need_rules("process", receipt.process)
        return receipt

    def ask(self, verb: str, arguments: object, answer: type[R], seconds: float) -> R:
        """Send one request and return the typed result.

        Raises the ConcordError that the runner answered, or RunnerError when it died, was late (then it is killed), or broke the protocol.
        """
        return self.receive(answer, self.send(verb, arguments, seconds))

    def send(self, verb: str, arguments: object, seconds: float) -> int:
        """Send a request, and return the number by which `receive` returns its result, at most `seconds` later."""
        self.discard()
        self._seq += 1
        request = protocol.Request(self._seq, verb, strict.plain(arguments))
        deadline = time.monotonic() + seconds
        self._send(request, deadline, seconds)
        self._asked = request, deadline, seconds
        return self._seq

    def discard(self) -> None:
        """Wait for an answer that nobody received, and throw it away."""
        if self._asked is not None:
            self._answer()

    def receive(self, answer: type[R], number: int) -> R:
        """The typed result of the request that was sent last, which has this number. Raises as `ask` does."""
        request, line = self._answer()
        assert request.seq == number, "somebody else asked in between"
        where = f"{self.name}: {request.verb}"
        try:
            result = protocol.decode_reply(line, request)
        except strict.StrictError as fault:
            self.kill()
            raise RunnerError(f"broke the protocol: {fault.where}: {fault.what}{self._tail()}", where=where) from fault
        if isinstance(result, protocol.Failure):
            error = result.to_error(where)
            if error is None:
                raise RunnerError(f"has a bug: {result.what}{self._tail()}", where=where)
            raise error
        assert isinstance(result, answer)
        return result

    def load(self, arguments: protocol.LoadArgs, seconds: float = 300.0) -> protocol.Loaded:
        """Create a session. Raises RunnerError where an option is not in force as it was asked for: asked equals got."""
        loaded = self.ask("load", arguments, protocol.Loaded, seconds)
        for key, asked in arguments.options.items():
            got = loaded.options.get(key, asked)
            if got != asked or type(got) is not type(asked):
                raise RunnerError(f"asked for {key} = {asked!r}, and {got!r} is in force", where=f"{self.name}: load")
        self._need_rules("options", loaded.options)
        return loaded

    def predict(self, arguments: protocol.PredictArgs, seconds: float) -> protocol.Predicted:
        """Answer for images or a tensor."""
        return self.ask("predict", arguments, protocol.Predicted, seconds)

    def time(self, arguments: protocol.TimeArgs, seconds: float) -> protocol.Timed:
        """Take samples. Raises RunnerError when the counts do not fit, or samples are longer than this process waited for them all."""
        asked = time.perf_counter_ns()
        timed = self.ask("time", arguments, protocol.Timed, seconds)
        waited = time.perf_counter_ns() - asked
        least = 1 if arguments.max_ns is not None else arguments.samples
        if not least <= len(timed.samples) <= arguments.samples or len(timed.crc32) != len(timed.samples) or min(timed.samples) <= 0:
            raise RunnerError(
                f"{len(timed.samples)} samples, {len(timed.crc32)} checksums for {arguments.samples} asked", where=f"{self.name}: time"
            )
        # Warm-up is in the wait, too, but nobody timed it, and it may take less than a sample.
        if sum(timed.samples) > waited * (1 + OTHER_CLOCK) + GRAIN_NS * len(timed.samples):
            said = f"says that its samples took {sum(timed.samples) / 1e6:.3f} ms, and the answer came after {waited / 1e6:.3f} ms"
            raise RunnerError(said, where=f"{self.name}: time", next="its clock is wrong: see `timer` and `clocksource` of its receipt")
        return timed

    def profile(self, arguments: protocol.ProfileArgs, seconds: float) -> protocol.Profiled:
        """Time per operator and per node."""
        return self.ask("profile", arguments, protocol.Profiled, seconds)

    def unload(self, id: str) -> None:
        """Drop a session."""
        self.ask("unload", protocol.UnloadArgs(id), protocol.Nothing, 60.0)

    def freeze(self) -> None:
        """Stop the whole process group, so that its spinning threads cost the running one nothing (measuring.md 0a)."""
        if CAN_FREEZE and not self._frozen and self._process.poll() is None:
            self._signal(signal.SIGSTOP)
            self._frozen, self._frozen_at = True, time.monotonic()
            self._await_stop()

    def thaw(self) -> None:
        """Let it go on."""
        if self._frozen:
            self._signal(signal.SIGCONT)
            self._frozen = False
            if self._asked is not None:  # it could not answer while it stood still
                self._asked = self._asked[0], self._asked[1] + time.monotonic() - self._frozen_at, self._asked[2]

    def peak_bytes(self) -> int | None:
        """Peak resident memory so far, or None where /proc does not say."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)

    def close(self) -> None:
        """Ask it to quit, and kill what is left of its group."""
        self.thaw()
        try:
            if self._process.poll() is None:
                os.write(self._stdin.fileno(), protocol.encode(protocol.Request(self._seq + 1, "quit", {})).encode() + b"\n")
            self._stdin.close()
            self._process.wait(QUIT_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass  # killed below, whatever state it is in
        finally:
            self.kill()

    def kill(self) -> None:
        """End the group at once; works on frozen processes, too."""
        # The group outlives its leader when the leader left children behind.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._stdin.close()
        self._reader.join(QUIT_SECONDS)
        # A process that left the group may hold the pipe, and the reader hang on it: to close it now would hang, too.
        if not self._reader.is_alive():
            cast("IO[bytes]", self._process.stdout).close()

    def _need_rules(self, where: comparable.Where, keys: Iterable[str]) -> None:
        """What nobody knows how to compare is not measured."""
        why = comparable.unknown(where, keys)
        if why is not None:
            raise RunnerError(why, where=self.name, next=comparable.NEXT)

    def _await_stop(self) -> None:
        """Wait until all its threads stand still (or it is dead): on a busy machine the signal takes milliseconds to reach them."""
        deadline = time.monotonic() + STOP_SECONDS
        told = os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG
        while os.waitid(os.P_PID, self.pid, told) is None and time.monotonic() < deadline:
            time.sleep(0.0002)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself in between
            os.killpg(self.pid, number)

    def _send(self, request: protocol.Request, deadline: float, seconds: float) -> None:
        self.thaw()
        line = protocol.encode(request).encode() + b"\n"
        try:
            # A runner that does not read would block a plain write for ever, once the pipe is full.
            while line:
                if not select.select([], [self._stdin], [], max(0.0, deadline - time.monotonic()))[1]:
                    raise self._late(request.verb, seconds)
                line = line[os.write(self._stdin.fileno(), line) :]
        except (OSError, ValueError) as fault:
            raise self._died(request.verb) from fault

    def _answer(self) -> tuple[protocol.Request, bytes]:
        """The request that waits for its answer, and the line that came."""
        assert self._asked is not None, "nothing was asked"
        self.thaw()
        (request, deadline, seconds), self._asked = self._asked, None
        line = self._line(request.verb, deadline, seconds)
        self.answered_ns = time.monotonic_ns()
        return request, line

    def _line(self, verb: str, deadline: float, seconds: float) -> bytes:
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise self._late(verb, seconds) from None
        if not line:
            raise self._died(verb)
        return line

    def _late(self, verb: str, seconds: float) -> RunnerLate:
        self.kill()
        return RunnerLate(f"no answer within {seconds:.0f} s; it was killed{self._tail()}", where=f"{self.name}: {verb}")

    def _died(self, verb: str) -> RunnerError:
        try:
            code = self._process.wait(QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return RunnerError(f"closed its output and went on; it was killed{self._tail()}", where=f"{self.name}: {verb}")
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return RunnerError(f"died ({how}){self._tail()}", where=f"{self.name}: {verb}", next="nox -s doctor")

    def _read(self) -> None:
        for line in cast("IO[bytes]", self._process.stdout):
            self._lines.put(line)
        self._lines.put(b"")

    def _tail(self, lines: int = 12) -> str:
        text = self._log.read_bytes()[self._log_start :].decode(errors="replace").splitlines()[-lines:]
        return "".join(f"\n  | {line}" for line in text) + f"\n  (log: {self._log})" if text else ""
