"""`python -m infer_py predict | info | overhead | serve | slowed | split`: run an ONNX file. NumPy, Pillow and ONNX Runtime, no torch."""

# PYTHON_ARGCOMPLETE_OK: argcomplete's shell code looks for this word before it runs a program for completions.
from __future__ import annotations

import sys

from contract.errors import run_step


def main() -> int:
    """Dispatch: `serve` must claim stdout before ONNX Runtime is imported, and `--help` must not wait for it."""
    if sys.argv[1:] == ["serve"]:
        return _serve()
    if sys.argv[1:2] == ["slowed"]:
        from infer_py import slowed  # noqa: PLC0415

        return slowed.serve(sys.argv[2:])
    if sys.argv[1:2] == ["split"]:
        from infer_py import split  # noqa: PLC0415

        return split.serve(sys.argv[2:])
    from infer_py import command  # noqa: PLC0415

    return command.main(sys.argv[1:])


def _serve() -> int:
    from contract.serve import claim_stdout, serve  # noqa: PLC0415

    replies = claim_stdout()
    from infer_py.runner import Runner  # noqa: PLC0415

    serve(Runner().handlers(), sys.stdin.buffer, replies)
    return 0


if __name__ == "__main__":
    run_step(main)
