"""The runner's side of the protocol for runners written in Python: read a request, let a handler answer, write the reply."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from contract import protocol, strict
from contract.errors import DataError, EnvironmentFault, UnsupportedError, UsageError, disk_fault, out_of_memory

Handler = Callable[[Any], Any]
PR_SET_PDEATHSIG = 1


def claim_stdout() -> TextIO:
    """Move replies to a duplicate of fd 1 and point fd 1 at stderr; call it before heavy imports.

    ONNX Runtime and torch print to stdout. Also asks Linux to kill this process when its parent dies.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A file name that is not UTF-8 may stand in an error's text: it is answered with "?", rather than not at all.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    os.dup2(2, 1)
    return replies


def serve(handlers: dict[str, Handler], requests: Iterable[str | bytes], replies: TextIO) -> None:
    """Answer requests until `quit` or the end of input. A failed request leaves the runner usable.

    `handlers`: verb -> function from the typed arguments to the typed result. A verb that is missing is answered `unsupported`.
    `requests`: sys.stdin.buffer, so that the locale has no say in what the bytes mean.
    """
    # What imports made is no garbage: to look through it before each block of samples took 13 ms (ONNX Runtime) to 270 ms (torch).
    gc.freeze()
    try:
        _serve(handlers, requests, replies)
    finally:
        gc.unfreeze()  # what is left frozen at the end, nanobind reports as leaked


def _serve(handlers: dict[str, Handler], requests: Iterable[str | bytes], replies: TextIO) -> None:
    for line in requests:
        if not line.strip():
            continue
        reply, last = _answer(line, handlers)
        try:
            replies.write(protocol.encode(reply) + "\n")
            replies.flush()
        except BrokenPipeError:
            return
        if last:
            return


def _answer(line: str | bytes, handlers: dict[str, Handler]) -> tuple[protocol.GoodReply | protocol.BadReply, bool]:
    seq = _seq_of(line)
    try:
        try:
            request, arguments = protocol.decode_request(line)
        except strict.StrictError as fault:
            raise UsageError(fault.what, where=fault.where) from fault
        if request.verb == "quit":
            return protocol.GoodReply(seq, True, {}), True
        handler = handlers.get(request.verb)
        if handler is None:
            raise UnsupportedError(f"this runtime has no verb '{request.verb}'")
        if request.verb == "hello" and arguments.protocol != protocol.PROTOCOL:
            raise UsageError(
                f"asked for protocol {arguments.protocol}, this runner speaks {protocol.PROTOCOL}",
                next="use the runner and the bench of one checkout",
            )
        answer = handler(arguments)
        if not isinstance(answer, protocol.VERBS[request.verb][1]):
            raise TypeError(f"the handler of {request.verb} returned {type(answer).__name__}")
        result = strict.plain(answer)
        strict.dumps(result)  # a NaN is found here, where it still can be answered
        return protocol.GoodReply(seq, True, result), False
    except (UsageError, EnvironmentFault, DataError) as error:
        return protocol.BadReply(seq, False, protocol.Failure(error.kind, error.what, error.where, error.next)), False  # type: ignore[arg-type]
    except Exception as bug:  # noqa: BLE001 - the border of a process: a bug must become an answer, not a dead runner
        traceback.print_exc()
        known = disk_fault(bug) if isinstance(bug, OSError) else out_of_memory(bug)
        if known is not None:
            return protocol.BadReply(seq, False, protocol.Failure("environment", known.what, known.where, known.next)), False
        return protocol.BadReply(seq, False, protocol.Failure("internal", f"{type(bug).__name__}: {bug}")), False


def _seq_of(line: str | bytes) -> int:
    """The number to answer a line with, be its verb and arguments good or bad; 0 where it cannot be read."""
    try:
        seq = strict.loads(line, "request")["seq"]
    except (strict.StrictError, TypeError, KeyError, IndexError):
        return 0
    return seq if type(seq) is int else 0
