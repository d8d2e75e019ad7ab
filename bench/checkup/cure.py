"""The commands that mend. Those of uv and nox are typed in the checkout; what follows a # is for the reader, and no shell minds it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from contract.layout import CHECKOUT

BUILD = "uvx nox -s build"
DOCTOR = "uvx nox -s doctor"
# A nox session does the same, but only where the lock is another than the last time: it does not see what was deleted or overwritten since.
SYNC = "uv pip sync --python .venv --require-hashes requirements/all.txt"
# What each package manager is told.
INSTALLERS = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "zypper": "zypper install",
    "pacman": "pacman -S",
    "apk": "apk add",
    "brew": "brew install",
}


def sync(*more: str) -> str:
    """Make .venv what the lock says, with `more` options. Another Python is left alone: it is made and examined from there."""
    if Path(sys.prefix).resolve() != (CHECKOUT / ".venv").resolve():
        return f"{DOCTOR} # it makes .venv from the lock, and looks again from there"
    return " ".join((SYNC, *more))


def install(program: str, elsewhere: Mapping[str, str] | None = None) -> str:
    """Install a program by this system's package manager; `elsewhere`: its name with those that call it otherwise."""
    manager = next((name for name in INSTALLERS if shutil.which(name)), "brew" if sys.platform == "darwin" else "apt-get")
    # Homebrew refuses to run as root.
    alone = manager == "brew" or not hasattr(os, "geteuid") or os.geteuid() == 0
    return f"{'' if alone else 'sudo '}{INSTALLERS[manager]} {(elsewhere or {}).get(manager, program)}"
