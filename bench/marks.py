"""Text that a command writes into a document, between two marks."""

from __future__ import annotations

from pathlib import Path

from contract import artifact
from contract.errors import DataError


def write_between(begin: str, end: str, text: str, path: Path) -> None:
    """Replace what stands between the marks. Raises DataError where they are missing."""
    document = path.read_text(encoding="utf-8")
    if begin not in document or end not in document:
        raise DataError("the marks between which the text stands are missing", where=str(path), next=f"add the lines {begin} and {end}")
    head, _, rest = document.partition(begin)
    artifact.write_text(path, f"{head}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}")
