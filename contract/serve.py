"""The runner's side of the protocol for runners written in Python: read a request, let a handler answer, write the reply."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from contract import protocol, strict
from contract.errors import ConcordError, UnsupportedError, UsageError

Handler = Callable[[Any], Any]
PR_SET_PDEATHSIG = 1


def claim_stdout() -> TextIO:
    """Move replies to a duplicate of fd 1 and point fd 1 at stderr; call it before heavy imports.

    ONNX Runtime and torch print to stdout. Also asks Linux to kill this process when its parent dies.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return replies


def serve(handlers: dict[str, Handler], requests: Iterable[str], replies: TextIO) -> None:
    """Answer requests until `quit` or the end of input. A failed request leaves the runner usable.

    `handlers`: verb -> function from the typed arguments to the typed result. A verb that is missing is answered `unsupported`.
    """
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


def _answer(line: str, handlers: dict[str, Handler]) -> tuple[protocol.GoodReply | protocol.BadReply, bool]:
    seq = 0
    try:
        request, arguments = protocol.decode_request(line)
        seq = request.seq
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
        result = strict.plain(handler(arguments))
        strict.dumps(result)  # a NaN is found here, where it still can be answered
        return protocol.GoodReply(seq, True, result), False
    except ConcordError as error:
        kind = "usage" if isinstance(error, strict.StrictError) else error.kind
        return protocol.BadReply(seq, False, protocol.Failure(kind, error.what, error.where, error.next)), False  # type: ignore[arg-type]
    except Exception as bug:  # noqa: BLE001 - the border of a process: a bug must become an answer, not a dead runner
        traceback.print_exc()
        return protocol.BadReply(seq, False, protocol.Failure("internal", f"{type(bug).__name__}: {bug}")), False
