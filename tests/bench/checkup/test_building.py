"""What building the Rust binary takes: programs that are there, old, broken, or not there."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from bench.build import TOOLCHAIN
from bench.checkup import building, cure
from bench.checkup.row import Said, ask


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Said | None]:
    """What each program answers; None where it is not there."""
    programs: dict[str, Said | None] = {
        "cargo": Said(good=True, line="cargo 1.95.0"),
        "rustc": Said(good=True, line="rustc 1.95.0 (59807616e)"),
        "rustup": Said(good=True, line="rustup 1.29.0"),
        "cmake": Said(good=True, line="cmake version 4.4.4"),
        "cc": Said(good=True, line="cc 14"),
        "nasm": Said(good=True, line="NASM version 2.16.01"),
    }
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if programs.get(name) else None)
    monkeypatch.setattr(building, "ask", lambda name, *_: programs[name])
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
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
        ("rustc", Said(good=True, line="rustc 1.87.9 (0)"), "Rust", False, "rustup update stable && rustup default stable"),
        ("rustc", Said(good=True, line="?"), "Rust", False, "rustup update stable && rustup default stable"),
        ("cmake", None, "cmake", False, cure.sync("--reinstall-package cmake")),
        ("cmake", Said(good=False, line="Exec format error"), "cmake", False, cure.sync("--reinstall-package cmake")),
        ("cc", None, "C compiler", False, "apt-get install build-essential"),
        ("nasm", None, "nasm", None, "apt-get install nasm"),
        ("nasm", Said(good=False, line="nasm ended with exit code 1"), "nasm", None, "apt-get install nasm"),
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


def test_an_old_toolchain_that_is_not_of_rustup_is_replaced_by_one_that_is(said):
    said["rustup"] = None
    said["rustc"] = Said(good=True, line="rustc 1.63.0 (Debian)")
    assert found()["Rust"][2] == TOOLCHAIN


def test_a_cargo_that_is_installed_and_not_on_path_needs_no_other(said, tmp_path):
    said["cargo"] = None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cargo").touch()
    assert found()["Rust"] == (False, "cargo is not on PATH", f'export PATH="{tmp_path}/bin:$PATH"')


def test_the_compiler_that_the_user_names_is_looked_for(said, monkeypatch):
    monkeypatch.setenv("CC", "clang-99 -O2")
    assert found()["C compiler"] == (False, "clang-99 not found, which CC names", "unset CC")


def test_a_run_without_the_rust_runtime_needs_none_of_it(said):
    said.clear()
    assert [(row.what, row.good) for row in building.rows(wanted=False)] == [("Rust", True)]


def test_asking_a_program():
    assert ask(sys.executable, "-c", "print('one'); print('two')") == Said(good=True, line="one")
    assert ask(sys.executable, "-c", "import sys; sys.exit('no')") == Said(good=False, line="no")
    assert ask(sys.executable, "-c", "raise SystemExit(3)") == Said(good=False, line=f"{sys.executable} ended with exit code 3")
    gone = ask("/nowhere/program")
    assert (gone.good, gone.line) == (False, "/nowhere/program cannot be started: No such file or directory")
