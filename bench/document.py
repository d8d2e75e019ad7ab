"""Tables in documents that a program writes: on the screen, and between two marks of a document whose rest is left alone."""

from __future__ import annotations

import sys
from pathlib import Path

from contract import artifact
from contract.errors import DataError


def show(path: Path, *, as_json: bool) -> None:
    """Print a document and its path; with --json the document to stderr, and the data beside it, .json, instead of the path."""
    print(path.read_text(encoding="utf-8"), file=sys.stderr if as_json else sys.stdout)
    print(path.with_suffix(".json").read_text(encoding="utf-8") if as_json else path, end="" if as_json else "\n")


def replace_between(path: Path, begin: str, end: str, text: str) -> None:
    """Put a text between the marks of a document. Raises DataError where they are missing."""
    head, rest = _split(path, begin, end)
    artifact.write_text(path, f"{head}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}")


def between(path: Path, begin: str, end: str) -> str:
    """What stands between the marks. Raises DataError where they are missing."""
    return _split(path, begin, end)[1].partition(end)[0].strip("\n") + "\n"


def _split(path: Path, begin: str, end: str) -> tuple[str, str]:
    head, mark, rest = path.read_text(encoding="utf-8").partition(begin)
    if not mark or end not in rest:
        raise DataError("the marks between which the table stands are missing", where=str(path), next=f"add the lines {begin} and {end}")
    return head, rest
