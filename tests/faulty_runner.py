"""The fake runner with one fault, to test clients against. Run: FAKE_RUNNER_FAULT=hang python -m tests.faulty_runner

The fault strikes at the verb FAKE_RUNNER_VERB (default: predict); `protocol2` and `stale` always at hello.
`slow-reply` answers well, but FAKE_RUNNER_SLOW seconds late (default 2).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from contract import protocol as p
from contract import serve
from tests import fake_runner

FAULT = os.environ["FAKE_RUNNER_FAULT"]
VERB = "hello" if FAULT in ("protocol2", "stale") else os.environ.get("FAKE_RUNNER_VERB", "predict")
BEFORE: dict[str, Callable[[], object]] = {
    "hang": lambda: time.sleep(3600),
    "slow-reply": lambda: time.sleep(float(os.environ.get("FAKE_RUNNER_SLOW", "2"))),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "stderr-flood": lambda: sys.stderr.write("a line that nobody reads\n" * 20_000),
}
# A fault of the reply: what is written instead of the line.
INSTEAD: dict[str, Callable[[str], str]] = {
    "garbage": lambda line: "Loading model...\n" + line,
    "nan": lambda line: line.replace('"result":{', '"result":{"nan":NaN,', 1),
    "wrong-seq": lambda line: line.replace('"seq":', '"seq":9', 1),
}
IN_RECEIPT: dict[str, dict[str, Any]] = {"protocol2": {"protocol": 2}, "stale": {"source": "00" * 32}}


class Replies:
    """Writes replies, and the faulty one for the verb in turn."""

    def __init__(self) -> None:
        self.out, self.verb = serve.claim_stdout(), ""

    def write(self, line: str) -> object:
        return self.out.write(INSTEAD[FAULT](line) if self.verb == VERB and FAULT in INSTEAD else line)

    def flush(self) -> None:
        self.out.flush()


def watched(replies: Replies) -> Iterator[str]:
    for line in sys.stdin:
        replies.verb = p.decode_request(line)[0].verb
        if replies.verb == VERB and FAULT in BEFORE:
            BEFORE[FAULT]()
        yield line


if __name__ == "__main__":
    if FAULT not in BEFORE | INSTEAD | IN_RECEIPT:
        sys.exit(f"no fault '{FAULT}'; known: {', '.join(BEFORE | INSTEAD | IN_RECEIPT)}")
    hello = fake_runner.hello
    handlers = fake_runner.HANDLERS | {"hello": lambda args: replace(hello(args), **IN_RECEIPT.get(FAULT, {}))}
    replies = Replies()
    serve.serve(handlers, watched(replies), replies)  # type: ignore[arg-type]
