"""The fake runner with one fault, to test clients against. Run: FAKE_RUNNER_FAULT=hang python -m tests.faulty_runner

The fault strikes at the verb FAKE_RUNNER_VERB (default: predict), where the request's line holds FAKE_RUNNER_WHEN (default: always);
those of the receipt (`stale`, …) always at hello. `slow-reply` answers well, but FAKE_RUNNER_SLOW seconds late (default 2).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from contract import protocol as p
from contract import serve
from tests import fake_runner

FAULT = os.environ["FAKE_RUNNER_FAULT"]
WHEN = os.environ.get("FAKE_RUNNER_WHEN", "")


def spin() -> None:
    while True:
        pass


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


BEFORE: dict[str, Callable[[], object]] = {
    "hang": lambda: (say("about to hang"), time.sleep(3600)),
    "slow-reply": lambda: time.sleep(float(os.environ.get("FAKE_RUNNER_SLOW", "2"))),
    "crash": lambda: (say("about to crash"), os.kill(os.getpid(), signal.SIGSEGV)),
    "exit3": lambda: os._exit(3),
    "close-stdout": lambda: (replies.out.close(), time.sleep(3600)),
    "spin": lambda: threading.Thread(target=spin, daemon=True).start(),
    "grandchild": lambda: say(f"grandchild {subprocess.Popen(['sleep', '3600']).pid}"),
    "stderr-flood": lambda: sys.stderr.write("a line that nobody reads\n" * 20_000),
}
# A fault of the reply: what is written instead of the line.
INSTEAD: dict[str, Callable[[str], str]] = {
    "garbage": lambda line: "Loading model...\n" + line,
    "nan": lambda line: line.replace('"result":{', '"result":{"nan":NaN,', 1),
    "wrong-seq": lambda line: line.replace('"seq":', '"seq":9', 1),
    "wrong-crc": lambda line: re.sub(r'"crc32":\[\d+', '"crc32":[1', line),
    "long-samples": lambda line: re.sub(r'"samples":\[\d+', '"samples":[3600000000000', line),
    "few-crc": lambda line: re.sub(r'"crc32":\[\d+,', '"crc32":[', line),
    "other-threads": lambda line: re.sub(r'"threads":\d+', '"threads":64', line),
    "own-option": lambda line: line.replace('"options":{', '"options":{"colour":"red",', 1),
}
IN_RECEIPT: dict[str, dict[str, Any]] = {
    "other-protocol": {"protocol": p.PROTOCOL + 1},
    "stale": {"source": "00" * 32},
    "debug": {"build": "debug"},
    "own-fact": {"process": {"affinity": "0-1", "alocator": "mine"}},
}
VERB = "hello" if FAULT in IN_RECEIPT else os.environ.get("FAKE_RUNNER_VERB", "predict")


class Replies:
    """Writes replies, and the faulty one for the verb in turn."""

    def __init__(self) -> None:
        self.out, self.struck = serve.claim_stdout(), False

    def write(self, line: str) -> object:
        return self.out.write(INSTEAD[FAULT](line) if self.struck and FAULT in INSTEAD else line)

    def flush(self) -> None:
        self.out.flush()


def watched(replies: Replies) -> Iterator[str]:
    for line in sys.stdin:
        replies.struck = p.decode_request(line)[0].verb == VERB and WHEN in line
        if replies.struck and FAULT in BEFORE:
            BEFORE[FAULT]()
        yield line


if __name__ == "__main__":
    if FAULT not in BEFORE | INSTEAD | IN_RECEIPT | {"no-file": 0}:
        sys.exit(f"no fault '{FAULT}'; known: {', '.join(BEFORE | INSTEAD | IN_RECEIPT)}, no-file")
    if FAULT == "no-file":
        fake_runner.save = lambda _out, arrays: {name: p.ArrayInfo(array.shape, str(array.dtype)) for name, array in arrays.items()}
    hello = fake_runner.hello
    handlers = fake_runner.HANDLERS | {"hello": lambda args: replace(hello(args), **IN_RECEIPT.get(FAULT, {}))}
    replies = Replies()
    serve.serve(handlers, watched(replies), replies)  # type: ignore[arg-type]
