"""A report that is written anew shows on a terminal that it is at work, and what an interrupted command says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.report import anew, write
from contract.errors import DataError
from contract.layout import CHECKOUT, RESULTS
from tests.bench import made
from tests.bench.test_progress import parts, terminal

INTERRUPTED = """
import importlib, runpy, sys
def stop(*_, **__): raise KeyboardInterrupt
module, name = sys.argv.pop(1).split(":")
setattr(importlib.import_module(module), name, stop)
runpy.run_module("bench", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A stored run, whose record takes no pytest."""
    monkeypatch.setattr("bench.record.write", lambda _, out: out.write_text("record"))
    folder = tmp_path / "20261121-101500-00ff"
    folder.mkdir()
    write.store(made.results(), folder)
    return tmp_path


def test_a_bar_goes_on_a_terminal_and_elsewhere_nothing_is_shown(reports, monkeypatch, capsys):
    results, folder = anew.write("20261121-101500-00ff", reports)
    assert (results, capsys.readouterr().err) == (made.results(), "")
    assert {path.name for path in folder.iterdir()} >= {RESULTS, "index.html", "benchmark.json", "tables.txt"}
    screen, said = terminal(monkeypatch), parts(monkeypatch)
    anew.write("20261121-101500-00ff", reports)
    assert said == ["reading the run", "tables and page", "pytest-benchmark's record"]
    assert said[-1] in screen.getvalue()


def test_an_error_takes_the_bar_away(tmp_path, monkeypatch):
    screen = terminal(monkeypatch)
    with pytest.raises(DataError, match="no such run"):
        anew.write(None, tmp_path)
    assert screen.getvalue().endswith("\x1b[?25h")  # the cursor is back


@pytest.mark.parametrize(("stopped", "command"), [("bench.doctor:examine", "doctor"), ("bench.run:run", "parity")])
def test_who_interrupts_before_anything_was_found_is_told_that_the_same_command_begins_anew(stopped, command):
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, stopped, command], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    said = "interrupted: what was finished is kept; the same command begins anew\n"
    assert (done.returncode, done.stderr) == (130, said)
