"""`python -m infer_py split`: the runner with forwards that differ in one thing: what `python -m bench split` compares."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from contract.errors import UsageError
from contract.options import Parser


@dataclass(frozen=True)
class Ways:
    """What differs from `serve`: the session records nothing, images begin at a cache line, all answers go into one buffer.

    `library`: the C function Run of this libonnxruntime is called instead of the extension; it records nothing, and its answers go into
    one buffer, too.
    """

    lean: bool = False
    aligned: bool = False
    bound: bool = False
    library: Path | None = None


def parse(arguments: list[str]) -> Ways:
    """The ways. Raises UsageError."""
    parser = Parser(prog="python -m infer_py split", description=__doc__)
    parser.add_argument("--lean", action="store_true", help="the session does not record which provider owns which node")
    parser.add_argument("--aligned", action="store_true", help="images begin at a multiple of 64 bytes")
    parser.add_argument("--bound", action="store_true", help="input and output are bound before the clock starts")
    parser.add_argument("--library", metavar="FILE", help="call the C function Run of this libonnxruntime; with --lean --bound")
    asked = parser.parse_args(arguments)
    if asked.library is not None and not (asked.lean and asked.bound):
        raise UsageError("the C function records nothing and allocates nothing", where=parser.prog, next="add --lean --bound")
    return Ways(asked.lean, asked.aligned, asked.bound, None if asked.library is None else Path(asked.library))


def serve(arguments: list[str]) -> int:
    """Serve the protocol in the ways that the arguments say."""
    ways = parse(arguments)
    from contract.serve import claim_stdout, serve  # noqa: PLC0415

    replies = claim_stdout()
    from infer_py import clock, split_runner  # noqa: PLC0415

    clock.forward = split_runner.forward(ways)  # type: ignore[assignment] # of the same type but for the names of its parameters
    serve(split_runner.SplitRunner(ways).handlers(), sys.stdin.buffer, replies)
    return 0
