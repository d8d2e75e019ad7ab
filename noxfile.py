"""Sessions of Concord: thin wrappers around `python -m STEP`, all in one environment made from hash-locked requirements."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
# .venv is made with the Python that runs nox. By path: nox does not look for modules here.
runpy.run_path(str(ROOT / "contract" / "python_version.py"))["require"]()

# Not by `nox.needs_version`, which nox reads before it runs this file: an old Python gets an old nox, and would hear of that alone.
if tuple(map(int, re.findall(r"\d+", importlib.metadata.version("nox"))[:2])) < (2026, 10):
    sys.stderr.write(f"error: nox >= 2026.10 is needed, and this is {importlib.metadata.version('nox')}; next: uvx nox@latest\n")
    sys.exit(3)
nox.options.sessions = ["lint", "tests"]
nox.options.stop_on_first_error = True
nox.options.default_venv_backend = "none"

VENV = ROOT / ".venv"
LOCK = ROOT / "requirements" / "all.txt"
BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = BIN / ("python.exe" if sys.platform == "win32" else "python")
# A step cleans up after Ctrl-C by itself; nox would otherwise kill it after half a second.
PATIENT = {"interrupt_timeout": None, "terminate_timeout": None}


def sync(session: nox.Session) -> dict[str, str]:
    """Bring .venv to the locked requirements (seconds, from uv's cache) and return the environment that uses it."""
    wanted = f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {sys.version_info.major}.{sys.version_info.minor}"
    stamp = VENV / "concord.lock"
    if not stamp.is_file() or stamp.read_text() != wanted:
        uv = shutil.which("uv") or session.error("uv is not on PATH; next: pip install uv")
        env = {"VIRTUAL_ENV": str(VENV)}
        session.log("installing the locked requirements into .venv: torch brings CUDA, 5.7 GB, once")
        if not PYTHON.is_file():
            asked = f"--python={sys.version_info.major}.{sys.version_info.minor}"
            session.run(uv, "venv", "--quiet", asked, str(VENV), external=True, **PATIENT)
        # Compiled once here: each of the many processes that import torch would otherwise do it again where Python may write no .pyc files.
        session.run(uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", str(LOCK), env=env, external=True, **PATIENT)
        stamp.write_text(wanted)
    return {
        "VIRTUAL_ENV": str(VENV),
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        # Paths in options are the user's: relative to where nox was called.
        "CONCORD_USER_FOLDER": os.environ.get("CONCORD_USER_FOLDER", str(session.invoked_from)),
        "PYTHONUNBUFFERED": "1",
        # contract/telemetry.py; the Rust tests load ONNX Runtime by themselves.
        "ORT_DISABLE_TELEMETRY": os.environ.get("ORT_DISABLE_TELEMETRY", "1"),
    }


def need_cargo(session: nox.Session) -> None:
    """Say before a training, and not after it, that the bench of the same call has nothing to build its Rust program with."""
    benches = not {"bench", "parity"}.isdisjoint(sys.argv)
    words = [part for word in session.posargs for part in word.split("=", 1)]
    chosen = words[words.index("--runtime") + 1 :] if "--runtime" in words else None
    left_out = "--without" in words or "--matrix" in words or (chosen is not None and "ort-rust" not in chosen)
    if benches and not left_out and shutil.which("cargo") is None:
        session.error("no Rust toolchain: cargo is not on PATH; next: install one from rustup.rs, or leave Rust out: -- --without ort-rust")


def step(session: nox.Session, *command: str) -> None:
    """Run `python -m …` with the options after `--`."""
    session.run(str(PYTHON), "-m", *command, *session.posargs, env=sync(session), external=True, **PATIENT)


@nox.session
def train(session: nox.Session) -> None:
    """Fine-tune the backbones: images -> checkpoint and manifest."""
    need_cargo(session)
    step(session, "train")


@nox.session
def look(session: nox.Session) -> None:
    """Draw validation images, their augmentation, and five first labels before and after training (look.png)."""
    step(session, "train", "look")


@nox.session
def export(session: nox.Session) -> None:
    """Checkpoint -> four ONNX files that describe themselves."""
    step(session, "export")


@nox.session
def build(session: nox.Session) -> None:
    """Build the Rust binary, release profile, from its lock file."""
    step(session, "bench", "build")


@nox.session
def wheel(session: nox.Session) -> None:
    """Pack the Rust program as a wheel into dist/, for people without a Rust toolchain."""
    env = sync(session)
    options = ("--release", "--locked", "--manifest-path=infer_rs/Cargo.toml", "--out=dist")
    session.run(str(PYTHON), "-m", "bench", "build", env=env, external=True, **PATIENT)
    session.run(str(BIN / "maturin"), "build", *options, env=env, external=True, **PATIENT)


@nox.session
def bench(session: nox.Session) -> None:
    """Build the Rust binary, check parity, measure, and write reports/latest."""
    step(session, "bench", "run")


@nox.session
def parity(session: nox.Session) -> None:
    """Check parity only: the CI gate."""
    step(session, "bench", "parity")


@nox.session
def faults(session: nox.Session) -> None:
    """Put the parity gate on trial: seeded faults that it must catch, clean runs that it must pass (-- --quick)."""
    step(session, "bench", "faults")


@nox.session
def selftest(session: nox.Session) -> None:
    """Put the measuring on trial: equal programs, and slowed ones it must find; 95 minutes (-- --quick: six)."""
    step(session, "bench", "selftest")


@nox.session
def report(session: nox.Session) -> None:
    """Write a run's tables anew (`-- RUN`, or the latest's); `-- RUN RUN2` compares two, `-- --explain CELL CELL` says why cells differ."""
    step(session, "bench", "report")


@nox.session
def doctor(session: nox.Session) -> None:
    """Say what this machine has and lacks, each row with the line that cures it."""
    step(session, "bench", "doctor")


@nox.session
def clean(session: nox.Session) -> None:
    """Delete artifacts, reports, the Rust build and its wheel; `-- --data` also drawn and downloaded data, `-- --all` also .venv."""
    known = {"--data", "--all"}
    if unknown := sorted({*session.posargs} - known):
        session.error(f"clean: unknown {', '.join(unknown)}; known: {', '.join(sorted(known))}; nothing was deleted")
    doomed = ["artifacts", "infer_rs/target", "dist", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".benchmarks"]
    doomed += ["data"] if session.posargs else []
    doomed += [".venv"] if "--all" in session.posargs else []
    paths = [ROOT / name for name in doomed] + [path for path in (ROOT / "reports").iterdir() if path.name != "README.md"]
    for path in paths:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
            session.log(f"deleted {path.relative_to(ROOT)}")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, Python and Rust; options after -- go to pytest."""
    env = sync(session)
    session.run(str(PYTHON), "-m", "bench", "build", env=env, external=True, **PATIENT)
    session.run("cargo", "test", "--locked", "--quiet", "--manifest-path=infer_rs/Cargo.toml", env=env, external=True, **PATIENT)
    session.run(str(PYTHON), "-m", "pytest", *session.posargs, env=env, external=True, **PATIENT)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, lint, types, import rules and the Rust lints."""
    env = sync(session)
    session.run(str(BIN / "ruff"), "format", "--check", ".", env=env, external=True)
    session.run(str(BIN / "ruff"), "check", ".", env=env, external=True)
    session.run(str(BIN / "mypy"), env=env, external=True)
    session.run(str(BIN / "lint-imports"), "--no-cache", env=env, external=True)
    cargo = "--manifest-path=infer_rs/Cargo.toml"
    session.run("cargo", "fmt", "--check", cargo, env=env, external=True)
    session.run("cargo", "clippy", "--locked", "--quiet", "--all-targets", cargo, "--", "-D", "warnings", env=env, external=True)
    if subprocess.run(["cargo", "deny", "--version"], capture_output=True, check=False).returncode == 0:
        session.run("cargo", "fetch", "--locked", "--quiet", cargo, env=env, external=True)  # crates of other platforms have licences, too
        session.run("cargo", "deny", "--offline", cargo, "check", "licenses", "bans", "sources", env=env, external=True)
    else:
        session.warn("cargo-deny is not installed: licences of the Rust crates are not checked; next: cargo install --locked cargo-deny")
