"""What a run says of itself: lines where nobody looks at a terminal, one live line on one."""

from __future__ import annotations

import io
import sys

import pytest

from bench.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_every_part_is_a_line_with_what_is_left(capsys):
    with Progress(100) as progress:
        progress.part("parity a[b]/c")
        progress.done(60)
        progress.part("measuring")
        progress.done(60)  # more than was expected of all
        progress.part("the end")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("] ", 1)[1] for line in lines] == [
        "parity a[b]/c (about 100 s left)", "measuring (about 40 s left)", "the end (about 0 s left)",
    ]  # fmt: skip


def test_what_is_left_can_be_corrected(capsys):
    with Progress(100) as progress:
        progress.correct(-70)
        progress.part("parity")
        progress.done(20)
        progress.part("measuring")
    assert [line.split("(", 1)[1] for line in capsys.readouterr().err.splitlines()] == ["about 30 s left)", "about 10 s left)"]


@pytest.mark.parametrize("markup", ["parity [bold]x[/]", "parity [/]"])
def test_on_a_terminal_there_is_a_live_line_and_names_are_no_markup(monkeypatch, markup):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress(100) as progress:
        progress.part(markup)
        progress.done(50)
    shown = screen.getvalue()
    assert markup in shown
    assert "about 50 s left" in shown
    assert shown.endswith("\x1b[?25h")  # the cursor is back
