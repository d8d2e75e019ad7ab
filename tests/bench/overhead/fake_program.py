"""A program that prints what it is told, as `overhead` of a runtime would: fake_program RUNTIME WHAT, and the options of the real ones."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

from contract import strict
from tests.bench.overhead.made import PYTHON, RUST, counted, receipt

BROKEN = ("good", "exit", "nonsense", "stale", "debug", "other-version", "uneven")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runtime")
    parser.add_argument("what", choices=BROKEN)
    for option in ("threads", "calls", "blocks", "seed"):
        parser.add_argument(f"--{option}", type=int, required=True)
    parser.add_argument("--json", action="store_true", required=True)
    asked = parser.parse_args()
    if asked.what == "exit":
        print("error: no such model", file=sys.stderr)
        sys.exit(4)
    ways = RUST if asked.runtime == "ort-rust" else PYTHON
    made = replace(counted(asked.runtime, ways, (1.0,) * asked.blocks, asked.calls), seed=asked.seed, threads=asked.threads)
    changed = {"stale": {"source": "0" * 64}, "debug": {"build": "debug"}, "other-version": {"version": "1.20.0"}}.get(asked.what)
    if changed is not None:
        made = replace(made, receipt=receipt(asked.runtime, **changed))
    told = strict.plain(made)
    if asked.what == "uneven":
        told["ways"]["run"].pop()
    print("hello" if asked.what == "nonsense" else json.dumps(told))


main()
