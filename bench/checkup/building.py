"""What building the Rust binary takes."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

from bench.build import TOOLCHAIN, search_path
from bench.checkup import cure
from bench.checkup.row import Row, ask, numbers
from bench.runtimes import ort_rust

# Debian's and Alpine's own names for a C compiler with its headers; with the others they come along.
COMPILERS = {"apt-get": "build-essential", "apk": "build-base"}


def rows(*, wanted: bool) -> list[Row]:
    """Rust, cmake, nasm and a C compiler; one row where the run leaves `ort-rust` out."""
    if not wanted:
        return [Row("Rust", True, "not needed: this run leaves ort-rust out")]
    return [rust(), cmake(), *compiler(), nasm()]


def rust() -> Row:
    """The toolchain, against rust-version of infer_rs/Cargo.toml."""
    if shutil.which("cargo") is None:
        return Row("Rust", False, "cargo is not on PATH", off_path() or TOOLCHAIN)
    least = tomllib.loads((ort_rust.CRATE / "Cargo.toml").read_text(encoding="utf-8"))["package"]["rust-version"]
    for program in ("cargo", "rustc"):
        said = ask(program, "--version")
        if not said.good:
            # rustup's own program is there without a toolchain behind it.
            return Row("Rust", False, said.line, by_rustup("rustup default stable"))
    version = re.search(r"\d+\.\d+(\.\d+)?", said.line)
    if version is None or numbers(version[0]) < numbers(least):
        # An old one may have been chosen by its number, which an update leaves as it is.
        newer = by_rustup("rustup update stable && rustup default stable")
        return Row("Rust", False, f"{said.line}; {least} or newer is needed", newer)
    return Row("Rust", True, f"{said.line} ({least} or newer is needed)")


def off_path() -> str | None:
    """The line for PATH where rustup has installed cargo, and this shell was not told."""
    folder = Path(os.environ.get("CARGO_HOME") or Path(os.environ.get("HOME", "/")) / ".cargo") / "bin"
    return f'export PATH="{folder}:$PATH"' if (folder / "cargo").is_file() else None


def by_rustup(command: str) -> str:
    """A command of rustup's; a toolchain that came in another way, such as with the system, is replaced by rustup's."""
    return command if shutil.which("rustup") else TOOLCHAIN


def cmake() -> Row:
    """Builds libjpeg-turbo; its wheel is among the locked requirements."""
    path = shutil.which("cmake", path=search_path())
    said = ask(path, "--version") if path else None
    good = said is not None and said.good
    return Row("cmake", good, said.line if said else "not found", "" if good else cure.sync("--reinstall-package cmake"))


def compiler() -> list[Row]:
    """For libjpeg-turbo and libwebp; on Windows cargo finds its own."""
    if sys.platform == "win32":
        return []
    name = (os.environ.get("CC") or "cc").split()[0]
    path = shutil.which(name)
    if path is not None:
        return [Row("C compiler", True, path)]
    if os.environ.get("CC"):
        return [Row("C compiler", False, f"{name} not found, which CC names", "unset CC")]
    apple = sys.platform == "darwin"
    return [Row("C compiler", False, f"{name} not found", "xcode-select --install" if apple else cure.install("gcc", COMPILERS))]


def nasm() -> Row:
    """Assembles the SIMD code of libjpeg-turbo for x86; without it there is none, and the pixels are the same."""
    path = shutil.which("nasm", path=search_path())
    if path is None:
        return Row("nasm", None, "not found: the Rust JPEG decoder is built without SIMD, at half the speed", cure.install("nasm"))
    said = ask(path, "--version")
    return Row("nasm", True if said.good else None, said.line, "" if said.good else cure.install("nasm"))
