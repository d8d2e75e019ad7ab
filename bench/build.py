"""Build the Rust binary from its lock file, and say what a machine lacks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.runtimes import ort_rust
from contract.errors import EnvironmentFault

# Written beside a binary that was built without nasm: cargo does not see that one was installed since.
WITHOUT_NASM = ort_rust.CRATE / "target" / "built-without-nasm"
# For a person to paste; nothing here runs it.
TOOLCHAIN = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh # Rust 1.88 or newer; or leave it out: --without ort-rust"


def build(*, quiet: bool = False) -> Path:
    """Run `cargo build --release --locked`; a build that is current takes a fraction of a second.

    A JPEG decoder that was built without nasm is built anew once there is one.

    Raises EnvironmentFault when there is no cargo, or when it fails.
    """
    cargo = shutil.which("cargo")
    if cargo is None:
        raise EnvironmentFault("no Rust toolchain: cargo is not on PATH", where="ort-rust", next=TOOLCHAIN)
    nasm, manifest = shutil.which("nasm", path=search_path()), str(ort_rust.CRATE / "Cargo.toml")
    if nasm is None:
        print(
            "note: nasm is not installed: the Rust binary decodes JPEG without SIMD, at about half the speed (the pixels are the same);"
            " next: apt-get install nasm",
            file=sys.stderr,
        )
    elif WITHOUT_NASM.exists():
        _cargo([cargo, "clean", "--release", "--locked", "--quiet", "--package", "turbojpeg-sys", "--manifest-path", manifest])
        WITHOUT_NASM.unlink()
    command = [cargo, "build", "--release", "--locked", "--manifest-path", manifest]
    _cargo([*command, "--quiet"] if quiet else command)
    if nasm is None:
        WITHOUT_NASM.parent.mkdir(parents=True, exist_ok=True)  # cargo may build elsewhere
        WITHOUT_NASM.touch()
    return ort_rust.BINARY


def _cargo(command: list[str]) -> None:
    # Stdout is for what the calling command found: nothing that cargo or a build script prints may stand in it.
    done = subprocess.run(command, env={**os.environ, "PATH": search_path()}, stdout=sys.__stderr__, check=False)
    if done.returncode != 0:
        raise EnvironmentFault(
            f"cargo {command[1]} failed with exit code {done.returncode} (its messages are above)",
            where="infer_rs",
            next="nox -s doctor, or leave it out: --without ort-rust",
        )


def search_path() -> str:
    """PATH with this environment's scripts first: cmake comes from its wheel."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
