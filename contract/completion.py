"""Tab completion of the steps' options: the code that `python -m bench completion` prints sets a shell up for it.

argcomplete is imported only where a shell asks: nothing else needs it, and infer_py is used without it. It is the one library but numpy
that contract names (tests/test_imports.py).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from contract import matrix
from contract.errors import ConcordError, UsageError
from contract.layout import RESULTS

# What the shell code sets when it runs a program for its completions.
ASKED = "_ARGCOMPLETE"


def asked() -> bool:
    """Whether it is a shell that runs this program, for its completions."""
    return ASKED in os.environ


def offer(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, where it is a shell that asks; otherwise nothing happens.

    The process ends in any case then: the command line is empty, and a step without options would begin its work at a press of Tab.
    """
    if not asked():
        return
    try:
        argcomplete: Any = importlib.import_module("argcomplete")
    except ImportError:
        sys.exit(UsageError.exit_code)
    argcomplete.autocomplete(parser)


def parse(parser: argparse.ArgumentParser, argv: list[str]) -> argparse.Namespace:
    """Parse a command line, unless a shell asks for its completions."""
    offer(parser)
    return parser.parse_args(argv)


def add(group: Any, flag: str, noun: str, **settings: Any) -> None:
    """Add an option to a parser's group; its values are names of a noun in the matrix.toml that the command line names."""

    def names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
        try:
            return [entry.name for entry in getattr(matrix.load(Path(parsed_args.matrix)), noun)]
        except (ConcordError, OSError):
            return []  # the command itself says what is wrong with the file

    complete(group.add_argument(flag, **settings), names)


def complete(argument: argparse.Action, names: Callable[..., Iterable[str]]) -> None:
    """Let Tab offer names for an argument; `names` gets what has been parsed of the command line as `parsed_args`."""
    vars(argument)["completer"] = names  # where argcomplete looks for it


def holding(file: str) -> Callable[..., list[str]]:
    """What offers the names below reports/ that hold this file."""

    def names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
        return sorted(path.parent.name for path in Path(parsed_args.reports).glob(f"*/{file}"))

    return names


runs = holding(RESULTS)
