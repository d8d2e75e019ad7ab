"""`python -m docs.examples.openvino_runner`: speak the runner protocol (bench/PROTOCOL.md) on stdin and stdout."""

from __future__ import annotations

import sys

from contract.errors import GOOD, run_step
from contract.serve import claim_stdout, serve


def main() -> int:
    """Replies leave by a duplicate of stdout that is made before OpenVINO is imported."""
    replies = claim_stdout()
    from docs.examples.openvino_runner.runner import Runner  # noqa: PLC0415

    serve(Runner().handlers(), sys.stdin.buffer, replies)
    return GOOD


if __name__ == "__main__":
    run_step(main)
