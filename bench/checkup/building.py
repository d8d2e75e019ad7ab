"""What building the Rust binary takes."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib

from packaging.version import Version

from bench.build import TOOLCHAIN, search_path
from bench.checkup.row import Row, ask
from bench.runtimes import ort_rust

DEBIAN = "apt-get install"


def rows(*, wanted: bool) -> list[Row]:
    """Rust, cmake, nasm and a C compiler; one row where the run leaves `ort-rust` out."""
    if not wanted:
        return [Row("Rust", True, "not needed: this run leaves ort-rust out")]
    return [rust(), cmake(), *compiler(), nasm()]


def rust() -> Row:
    """The toolchain, against rust-version of infer_rs/Cargo.toml."""
    if shutil.which("cargo") is None:
        return Row("Rust", False, "cargo is not on PATH", TOOLCHAIN)
    least = tomllib.loads((ort_rust.CRATE / "Cargo.toml").read_text(encoding="utf-8"))["package"]["rust-version"]
    for program in ("cargo", "rustc"):
        said = ask(program, "--version")
        if not said.good:
            # rustup's own program is there without a toolchain behind it.
            return Row("Rust", False, said.line, "rustup default stable")
    version = re.search(r"\d+\.\d+(\.\d+)?", said.line)
    if version is None or Version(version[0]) < Version(least):
        return Row("Rust", False, f"{said.line}; {least} or newer is needed", "rustup update stable")
    return Row("Rust", True, f"{said.line} ({least} or newer is needed)")


def cmake() -> Row:
    """Builds libjpeg-turbo; its wheel is among the locked requirements."""
    path = shutil.which("cmake", path=search_path())
    said = ask(path, "--version") if path else None
    good = said is not None and said.good
    return Row("cmake", good, said.line if said else "not found", "" if good else "run any nox session: it installs cmake's wheel")


def compiler() -> list[Row]:
    """For libjpeg-turbo and libwebp; on Windows cargo finds its own."""
    if sys.platform == "win32":
        return []
    name = (os.environ.get("CC") or "cc").split()[0]
    path = shutil.which(name)
    cure = "xcode-select --install" if sys.platform == "darwin" else f"{DEBIAN} build-essential"
    return [Row("C compiler", path is not None, path or f"{name} not found", "" if path else cure)]


def nasm() -> Row:
    """Assembles the SIMD code of libjpeg-turbo for x86; without it there is none, and the pixels are the same."""
    path = shutil.which("nasm", path=search_path())
    if path is None:
        return Row("nasm", None, "not found: the Rust JPEG decoder is built without SIMD, at half the speed", f"{DEBIAN} nasm")
    said = ask(path, "--version")
    return Row("nasm", True if said.good else None, said.line, "" if said.good else f"{DEBIAN} nasm")
