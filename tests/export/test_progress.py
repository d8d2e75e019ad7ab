"""What an export shows: a bar that moves with every form and file and says what goes on; without a terminal two lines a backbone."""

from __future__ import annotations

import io
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from contract.errors import GOOD
from export import build, progress, step
from export.plan import Job
from export.translate import NotTranslated
from export.worker import Work
from export.workshop import WorkFailed
from tests.export import trained
from tests.export.conftest import VARIANTS, job, tiny
from tests.export.test_judged import Pretending

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    folders = [tmp_path / name / "0123abcd" for name in ("one", "two")]
    made = [job(folder, trained.write(folder, folder.parent.name, tiny(), tmp_path / "images")) for folder in folders]
    return [made[0], replace(made[1], todo=VARIANTS[:1])]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is shown on a terminal of 80 columns."""
    shown = io.StringIO()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=80))
    return shown


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither exporter nor worker: what they would do takes seconds."""
    monkeypatch.setattr("export.workshop.Workshop", Pretending)
    monkeypatch.setattr(step, "load", tiny)
    monkeypatch.setattr(build, "to_onnx", lambda *_: b"model")


@pytest.fixture
def seen(pretend: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, str]]:
    """(moved, of, what goes on) after each change of the bar."""
    found: list[tuple[int, int, str]] = []
    show = progress.Bar._show

    def spied(self: progress.Bar, moved: int = 0) -> None:
        show(self, moved)
        (task,) = self._live.tasks
        found.append((int(task.completed), int(task.total), task.fields["now"]))

    monkeypatch.setattr(progress.Bar, "_show", spied)
    return found


def build_all(jobs: list[Job]) -> None:
    step._build_all(jobs, lambda job: job, 1, "s", lambda _: None)


def test_the_bar_moves_with_every_form_and_every_file(jobs, terminal, seen):
    assert [progress.steps(each) for each in jobs] == [6, 2]
    build_all(jobs)
    assert seen[0] == (0, 8, "one loading")
    assert seen[-1] == (8, 8, "")
    assert {moved for moved, _, _ in seen} == set(range(9))
    said = {part for _, _, text in seen for part in text.split(", ")}
    assert said >= {f"one raw-{batch} {what}" for batch in ("static", "dynamic") for what in ("translating", "checking")}
    assert said >= {"one sim-static simplifying", "one sim-dynamic simplifying", "two raw-static translating", "two raw-static checking"}
    assert "0/8" in terminal.getvalue()


def test_what_goes_on_at_once_is_named_together(jobs, terminal, seen, monkeypatch):
    checking, together = threading.Event(), threading.Event()

    def ask(self: Pretending, work: Work):
        # The check does not end before the next form is on its way.
        checking.set()
        assert together.wait(30)
        raise WorkFailed("crashed", where=work.name)

    def to_onnx(*_: object) -> bytes:
        if any("dynamic translating" in text for _, _, text in seen):
            assert checking.wait(30)
            together.set()
        return b""

    monkeypatch.setattr(Pretending, "ask", ask)
    monkeypatch.setattr(build, "to_onnx", to_onnx)
    build_all(jobs[:1])
    both = {"one raw-static checking", "one raw-dynamic translating"}
    assert any(both <= set(text.split(", ")) for _, _, text in seen)
    assert seen[-1] == (6, 6, "")


def test_what_a_form_that_is_not_translated_would_have_become_is_passed_over(jobs, terminal, seen, monkeypatch):
    def refuse(*_: object) -> bytes:
        raise NotTranslated("no such operator")

    monkeypatch.setattr(build, "to_onnx", refuse)
    build_all(jobs)
    assert seen[-1] == (8, 8, "")


def test_more_than_was_planned_does_not_move_the_bar_beyond_its_end(jobs, terminal, seen):
    step._build_all([replace(jobs[0], todo=VARIANTS[:1])], lambda _: jobs[0], 1, "s", lambda _: None)
    assert seen[-1] == (2, 2, "")


def test_on_a_narrow_terminal_the_bar_has_its_room_and_what_is_printed_goes_to_stdout(jobs, terminal, capsys):
    with progress.bar(jobs) as bar, bar.part(jobs[0], "raw-static checking"), bar.part(jobs[1], "raw-static translating " + "x" * 80):
        bar._live.refresh()
        print("[1/2]")
    assert "━ 0/8" in COLOUR.sub("", terminal.getvalue())
    assert "one raw-static c" in terminal.getvalue()
    assert "[1/2]" not in terminal.getvalue()
    assert capsys.readouterr().out == "[1/2]\n"


def test_without_a_terminal_there_are_two_lines_a_backbone(jobs, pretend, monkeypatch, capsys):
    monkeypatch.setattr(step, "plan", lambda *_: jobs)
    monkeypatch.setattr(step, "renewed", lambda job, **_: job)
    assert step.main(["--variant", "raw-static"]) == GOOD
    out, err = capsys.readouterr()
    assert err == ""
    assert len([line for line in out.splitlines() if line.startswith("[")]) == 4
