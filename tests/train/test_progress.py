"""What is shown of long steps: a bar on a terminal, plain lines elsewhere, no colours where NO_COLOR asks for none."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from train import progress

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9;]*m")


@pytest.fixture
def terminal(monkeypatch) -> io.StringIO:
    """Every Console is one on a terminal that writes here."""
    shown = io.StringIO()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=100))
    return shown


def test_elsewhere_items_pass_and_lines_are_plain(capsys):
    with progress.reporter("wings/resnet18") as said:
        said.say("reading [bold]images[/bold]")
        assert list(said.over(iter("abc"), 3, "images")) == list("abc")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "wings/resnet18: reading [bold]images[/bold]\n")


@pytest.mark.parametrize(
    ("total", "done", "blocks", "lines"),
    [
        (40_000_000, 0, 80, [f"{tenth * 4}.0 of 40.0 MB" for tenth in range(11)]),
        (40_000_000, 31_000_000, 18, ["31.0 of 40.0 MB", "32.0 of 40.0 MB", "36.0 of 40.0 MB", "40.0 of 40.0 MB"]),
        (40_000_000, 0, 3, ["0.0 of 40.0 MB", "1.5 of 40.0 MB"]),  # the connection broke
        (None, 0, 202, ["0.0 MB", "50.0 MB", "100.0 MB", "101.0 MB"]),
    ],
)
def test_elsewhere_a_download_is_a_line_for_each_tenth(capsys, total, done, blocks, lines):
    with progress.receiving("weights.pth", total, done) as came:
        for _ in range(blocks):
            came(500_000)
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", [f"weights.pth: {line}" for line in lines])


def test_on_a_terminal_there_is_a_bar_that_goes(terminal):
    with progress.reporter("wings/resnet18") as said:
        for item in said.over(iter("abc"), 3, "images [/]"):
            if item == "b":
                break  # who stops halfway leaves no bar behind
        assert not said._live.tasks
        said.say("done")
    assert "wings/resnet18: images [/]" in terminal.getvalue()
    assert "wings/resnet18: done" in terminal.getvalue()
    assert COLOUR.search(terminal.getvalue())


def test_bytes_that_come_are_counted_from_what_was_there(terminal):
    with progress.receiving("weights.pth", 4_000_000, 1_000_000) as came:
        came(1_000_000)
    assert "weights.pth" in terminal.getvalue()
    assert "2.0/4.0 MB" in terminal.getvalue()


def test_no_color(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    with progress.reporter("wings/resnet18") as said:
        list(said.over(iter("abc"), 3, "images"))
    assert "images" in terminal.getvalue()
    assert not COLOUR.search(terminal.getvalue())
