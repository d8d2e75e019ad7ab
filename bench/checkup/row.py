"""One finding of the examination, and programs asked for their version."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One finding: `good` True, False (a run fails), or None (a run works, with less). `cure`: the command that mends it."""

    what: str
    good: bool | None
    found: str
    cure: str = ""


@dataclass(frozen=True)
class Said:
    """What a program answered: whether it ended well, and its first line."""

    good: bool
    line: str


def ask(*command: str) -> Said:
    """Run a program for its first line of output. One that is not there, or hangs, answers badly."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError as fault:
        return Said(good=False, line=f"{command[0]} cannot be started: {fault.strerror}")
    except subprocess.TimeoutExpired:
        return Said(good=False, line=f"{command[0]} does not answer within a minute")
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return Said(done.returncode == 0, lines[0] if lines else f"{command[0]} ended with exit code {done.returncode}")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers in a version, for comparing: without the package `packaging`, which may be what is missing."""
    return tuple(int(digits) for digits in re.findall(r"\d+", version))
