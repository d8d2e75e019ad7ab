"""The build step with a fake cargo: what it is asked for, and what its absence and its failure say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import build as building
from bench.runtimes import ort_rust
from contract.errors import EnvironmentFault


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> Path:
    """A PATH of shell scripts only; returns the folder they run in."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(building, "search_path", lambda: os.environ["PATH"])
    monkeypatch.setattr(building, "WITHOUT_NASM", folder / "built-without-nasm")
    return folder


def test_cargo_is_asked_for_a_locked_release_build(tmp_path, monkeypatch, capfd):
    programs(tmp_path, monkeypatch, cargo='echo "$@"', nasm="")
    assert building.build() == ort_rust.BINARY
    out, err = capfd.readouterr()
    assert err.split() == ["build", "--release", "--locked", "--manifest-path", str(ort_rust.CRATE / "Cargo.toml")]
    assert out == ""
    building.build(quiet=True)
    assert capfd.readouterr().err.split()[-1] == "--quiet"


@pytest.mark.parametrize(("more", "said"), [((), f"{ort_rust.BINARY}\n"), (("--json",), f'{{\n "binary": "{ort_rust.BINARY}"\n}}\n')])
def test_the_command_prints_the_binarys_path_and_nothing_else(tmp_path, monkeypatch, capfd, more, said):
    programs(tmp_path, monkeypatch, cargo="echo Compiling", nasm="")
    monkeypatch.setattr("sys.argv", ["bench", "build", *more])
    assert bench.main() == 0
    assert capfd.readouterr().out == said


def test_without_nasm_it_builds_and_says_what_is_lost(tmp_path, monkeypatch, capfd):
    programs(tmp_path, monkeypatch, cargo="")
    building.build()
    assert capfd.readouterr().err.startswith("note: nasm is not installed: the Rust binary decodes JPEG without SIMD")


def test_a_decoder_that_was_built_without_nasm_is_built_anew_once(tmp_path, monkeypatch, capfd):
    programs(tmp_path, monkeypatch, cargo='echo "$1"')
    building.build()
    capfd.readouterr()
    programs(tmp_path, monkeypatch, cargo='echo "$1"', nasm="")
    building.build()
    building.build()
    assert capfd.readouterr().err.split() == ["clean", "build", "build"]


def test_without_cargo_the_error_says_what_to_install_and_what_to_leave_out(tmp_path, monkeypatch):
    programs(tmp_path, monkeypatch)
    with pytest.raises(EnvironmentFault, match="no Rust toolchain: cargo is not on PATH") as caught:
        building.build()
    assert caught.value.next is not None
    assert "--without ort-rust" in caught.value.next
    assert "rustup" in caught.value.next


def test_a_build_that_fails_is_the_environments_fault(tmp_path, monkeypatch, capfd):
    programs(tmp_path, monkeypatch, cargo="echo 'error: no space' >&2; exit 101", nasm="")
    with pytest.raises(EnvironmentFault, match=r"cargo build failed with exit code 101 \(its messages are above\)"):
        building.build()
    assert "error: no space" in capfd.readouterr().err


def test_the_environments_own_programs_come_first(monkeypatch):
    monkeypatch.setenv("PATH", "/somewhere")
    assert building.search_path().endswith(f"{os.pathsep}/somewhere")
    assert Path(building.search_path().split(os.pathsep)[0]).is_dir()


def test_a_binary_that_is_not_built_says_how_to(monkeypatch):
    monkeypatch.setattr(ort_rust, "BINARY", ort_rust.CRATE / "target" / "nothing" / "infer-rs")
    with pytest.raises(EnvironmentFault, match=r"/nothing/infer-rs: the Rust binary is not built\n  next: nox -s build, or"):
        ort_rust.command(("cpu",))
