"""`python -m export`: checkpoint -> ONNX files that describe themselves."""

# PYTHON_ARGCOMPLETE_OK: argcomplete's shell code looks for this word before it runs a program for completions.
from __future__ import annotations

import sys

from contract.errors import run_step
from export.step import main

if __name__ == "__main__":
    run_step(lambda: main(sys.argv[1:]))
