"""NO_COLOR on a real terminal, a pty: no colours in progress and tables, which have some without it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import write
from contract.layout import CHECKOUT
from tests.bench import made

pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
# An SGR sequence with a foreground or background: 30 to 49 and 90 to 107.
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:[34]\d|9\d|10\d)[;m\d]*")
PROGRESS = """
from bench.progress import Progress
with Progress(100) as progress:
    progress.part("parity")
    progress.done(50)
    progress.say("said")
"""
# A table by itself, with all its styles, and a run's, as `bench report` shows them.
TABLES = """
import sys
from pathlib import Path
from bench.report import terminal, write
from bench.report.table import Table
terminal.show([Table("doctor", ("what", "n"), [("resnet18", "1.5")], frozenset({1}))], terminal.stderr())
folder = Path(sys.argv[1])
terminal.report(write.load(folder), folder)
"""


def shown(program: str, *arguments: str, no_color: str | None) -> bytes:
    """What a program writes to stderr, a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    unset = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "100"} | ({} if no_color is None else {"NO_COLOR": no_color})
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        read = []
        try:
            while part := os.read(ours, 65_536):
                read.append(part)
        except OSError:
            pass  # so Linux ends a terminal that nobody holds open
        os.close(ours)
    assert process.returncode == 0, b"".join(read).decode()
    return b"".join(read)


def test_progress_has_colours_only_without_no_color():
    assert COLOUR.search(shown(PROGRESS, no_color=None))
    plain = shown(PROGRESS, no_color="1")
    assert b"parity" in plain
    assert b"said" in plain
    assert b"\x1b[" in plain  # it is the live line of a terminal nevertheless
    assert not COLOUR.search(plain)


def test_tables_have_no_colour_with_no_color(tmp_path: Path):
    write.store(made.results(), tmp_path)
    plain = shown(TABLES, str(tmp_path), no_color="1")
    assert b"doctor" in plain
    assert b"resnet18" in plain
    assert not COLOUR.search(plain)
