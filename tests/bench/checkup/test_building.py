"""What building the Rust binary takes: programs that are there, old, broken, or not there."""

from __future__ import annotations

import shutil
import sys

import pytest

from bench.build import TOOLCHAIN
from bench.checkup import building
from bench.checkup.row import Said, ask


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, Said | None]:
    """What each program answers; None where it is not there."""
    programs: dict[str, Said | None] = {
        "cargo": Said(good=True, line="cargo 1.95.0"),
        "rustc": Said(good=True, line="rustc 1.95.0 (59807616e)"),
        "cmake": Said(good=True, line="cmake version 4.4.4"),
        "cc": Said(good=True, line="cc 14"),
        "nasm": Said(good=True, line="NASM version 2.16.01"),
    }
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if programs.get(name) else None)
    monkeypatch.setattr(building, "ask", lambda name, *_: programs[name])
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(building.sys, "platform", "linux")
    return programs


def found() -> dict[str, tuple[bool | None, str, str]]:
    return {row.what: (row.good, row.found, row.cure) for row in building.rows(wanted=True)}


def test_what_is_there_is_good_and_needs_no_cure(said):
    assert {name: (good, cure) for name, (good, _, cure) in found().items()} == dict.fromkeys(
        ("Rust", "cmake", "C compiler", "nasm"), (True, "")
    )
    assert "1.88 or newer" in found()["Rust"][1]


@pytest.mark.parametrize(
    ("program", "answer", "row", "good", "cure"),
    [
        ("cargo", None, "Rust", False, TOOLCHAIN),
        ("cargo", Said(good=False, line="error: no default toolchain"), "Rust", False, "rustup default stable"),
        ("rustc", Said(good=True, line="rustc 1.87.9 (0)"), "Rust", False, "rustup update stable"),
        ("rustc", Said(good=True, line="?"), "Rust", False, "rustup update stable"),
        ("cmake", None, "cmake", False, "run any nox session: it installs cmake's wheel"),
        ("cc", None, "C compiler", False, "apt-get install build-essential"),
        ("nasm", None, "nasm", None, "apt-get install nasm"),
    ],
)
def test_what_is_not_there_or_too_old_comes_with_the_command_that_mends_it(said, program, answer, row, good, cure):
    said[program] = answer
    rows = found()
    assert (rows[row][0], rows[row][2]) == (good, cure)
    assert all(rows[name][0] is True for name in rows if name != row)


def test_rust_1_88_itself_is_new_enough(said):
    said["rustc"] = Said(good=True, line="rustc 1.88.0 (0)")
    assert found()["Rust"][0] is True


def test_the_compiler_that_the_user_names_is_looked_for(said, monkeypatch):
    monkeypatch.setenv("CC", "clang-99 -O2")
    assert found()["C compiler"][:2] == (False, "clang-99 not found")


def test_a_run_without_the_rust_runtime_needs_none_of_it(said):
    said.clear()
    assert [(row.what, row.good) for row in building.rows(wanted=False)] == [("Rust", True)]


def test_asking_a_program():
    assert ask(sys.executable, "-c", "print('one'); print('two')") == Said(good=True, line="one")
    assert ask(sys.executable, "-c", "import sys; sys.exit('no')") == Said(good=False, line="no")
    assert ask(sys.executable, "-c", "raise SystemExit(3)") == Said(good=False, line=f"{sys.executable} ended with exit code 3")
    gone = ask("/nowhere/program")
    assert (gone.good, gone.line) == (False, "/nowhere/program cannot be started: No such file or directory")
