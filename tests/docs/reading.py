"""What the pages for users say that a reader would type: lines of command blocks, and commands inside sentences."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from contract.layout import CHECKOUT

SHELL, DATA = ("sh", "bash"), ("toml", "yaml", "json", "python", "text", "csv")
BEGINNINGS = ("nox ", "uvx ", "python -m ", ".venv/bin/python ", "pip ", "infer-rs ", "infer_rs/target/")


@dataclass(frozen=True)
class Command:
    """A command of a page: its words, without what follows `#`."""

    page: str
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def pages() -> list[Path]:
    """README.md, METHODOLOGY.md and the pages of docs/."""
    return [CHECKOUT / "README.md", CHECKOUT / "METHODOLOGY.md", *sorted((CHECKOUT / "docs").glob("*.md"))]


def commands(page: str, text: str) -> list[Command]:
    """Every command in reading order; of `a && b` and `a | b` both. Raises AssertionError where it cannot be told what is one."""
    found = []
    for number, line in typed(page, text):
        assert not line.endswith("\\"), f"{page}:{number}: write the command on one line, which can be copied"
        rest = shlex.split(line, comments=True)
        while rest:
            end = next((place for place, word in enumerate(rest) if word in ("&&", "|")), len(rest))
            found.append(Command(page, number, tuple(rest[:end])))
            rest = rest[end + 1 :]
    return found


def pipelines(page: str, text: str) -> list[tuple[int, str]]:
    """Line number and text of every command of which one program's output is another's input."""
    return [(number, line) for number, line in typed(page, text) if "|" in shlex.split(line, comments=True)]


def typed(page: str, text: str) -> list[tuple[int, str]]:
    """Line number and text of whatever is to be typed: shell blocks, indented blocks, and code in sentences that begins like a command."""
    found: list[tuple[int, str]] = []
    fence, language, before = "", "", ""
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"\s*(`{3,})\s*(\S*)", line)
        if fence:
            if line.strip() == fence:
                fence = ""
            elif language in SHELL:
                found.append((number, line.strip()))
        elif opened:
            fence, language = opened[1], opened[2]
            assert language in SHELL + DATA, f"{page}:{number}: say what the block holds: one of {', '.join(SHELL + DATA)}"
        elif line.startswith("    ") and (not before.strip() or before.startswith("    ")):
            found.append((number, line.strip()))
        else:
            assert line.count("`") % 2 == 0, f"{page}:{number}: code in a sentence ends on the line on which it begins"
            found += [(number, code) for code in re.findall(r"`([^`]+)`", line) if code.startswith(BEGINNINGS)]
        before = line
    assert not fence, f"{page}: a block does not end"
    return [(number, line) for number, line in found if line and not line.startswith("#")]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
