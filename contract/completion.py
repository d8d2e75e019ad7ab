"""Tab completion of the steps' options: `eval "$(python -m bench completion bash)"` sets a shell up for it.

argcomplete is imported only where a shell asks: nothing else needs it, and infer_py is used without it.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract import matrix
from contract.errors import ConcordError

# What argcomplete's shell code sets when it runs a program for its completions.
ASKED = "_ARGCOMPLETE"
Names = Callable[..., list[str]]


def asked() -> bool:
    """Whether it is a shell that runs this program, for its completions."""
    return ASKED in os.environ


def offer(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, where it is a shell that asks; nothing happens otherwise, or without argcomplete."""
    if not asked():
        return
    try:
        argcomplete: Any = importlib.import_module("argcomplete")
    except ImportError:
        return
    argcomplete.autocomplete(parser)


def completed_by(action: argparse.Action, names: Names) -> None:
    """Let argcomplete take the values of an option from a function."""
    vars(action)["completer"] = names


def names_of(noun: str) -> Names:
    """Names of a noun in the matrix.toml that the command line names; none from one that cannot be read."""

    def names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
        try:
            return [entry.name for entry in getattr(matrix.load(Path(parsed_args.matrix)), noun)]
        except (ConcordError, OSError):
            return []

    return names
