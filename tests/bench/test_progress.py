"""What a run says of itself: lines where nobody looks at a terminal, one live line on one."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from bench.progress import Progress, Steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What stderr shows, which is a terminal from here on. Not a fixture: pytest takes stderr back before the test begins."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return made


def parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every Steps says that begins, from here on: the screen, renewed once a second, need not show each."""
    said: list[str] = []
    monkeypatch.setattr(Steps, "part", lambda self, text: (said.append(text), Progress.part(self, text)))
    return said


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """What the progress takes for the time, in seconds."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("bench.progress.time", SimpleNamespace(monotonic=lambda: made.now))
    return made


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


def test_steps_that_are_left_take_as_long_as_those_before(capsys, clock):
    with Steps(4) as progress:
        progress.part("first")
        clock.now += 10
        progress.step()
        progress.part("second")
        clock.now += 40
        progress.step()
        clock.now += 5
        progress.part("third")
    assert capsys.readouterr().err.splitlines() == [
        "[    0 s] first", "[   10 s] second (about 30 s left)", "[   55 s] third (about 45 s left)",
    ]  # fmt: skip


def test_steps_without_lines_are_shown_on_a_terminal_only(monkeypatch, capsys):
    for screen in (None, terminal(monkeypatch)):
        with Steps(1, lines=False) as progress:
            progress.part("reading")
            progress.say("read")
            progress.step()
        assert capsys.readouterr().err == ""
        assert screen is None or "reading" in screen.getvalue()


@pytest.mark.parametrize("markup", ["parity [bold]x[/]", "parity [/]"])
def test_on_a_terminal_there_is_a_live_line_and_names_are_no_markup(monkeypatch, markup):
    screen = terminal(monkeypatch)
    with Progress(100) as progress:
        progress.part(markup)
        progress.done(50)
    shown = screen.getvalue()
    assert markup in shown
    assert "about 50 s left" in shown
    assert shown.endswith("\x1b[?25h")  # the cursor is back


def test_on_a_terminal_the_bar_of_steps_goes_with_them(monkeypatch, clock):
    screen = terminal(monkeypatch)
    with Steps(4) as progress:
        progress.part("first")
        clock.now += 10
        progress.step()
        (task,) = progress._live.tasks
        assert task.percentage == pytest.approx(25)
    assert "about 30 s left" in screen.getvalue()


def test_what_is_printed_beside_the_live_line_reaches_a_stdout_that_is_no_terminal(monkeypatch, capsys):
    screen = terminal(monkeypatch)
    with Progress(100) as progress:
        progress.part("blame")
        print("found")
    assert capsys.readouterr().out == "found\n"
    assert "found" not in screen.getvalue()
