"""Python and its packages, by the standard library alone: the one that is missing may be any. The lock is read in lock.py."""

from __future__ import annotations

import platform
import re
import tomllib
from importlib import metadata
from typing import Any

from bench import environment
from bench.checkup import cure
from bench.checkup.row import Row, numbers
from contract.layout import CHECKOUT

PROJECT = CHECKOUT / "pyproject.toml"
# The two share their files; which of them the lock has depends on the platform.
WHEELS = ("onnxruntime", "onnxruntime-gpu")
RUNTIME_ANEW = tuple(f"--reinstall-package {name}" for name in WHEELS)


def rows() -> list[Row]:
    """Python, how all packages compare with the lock, those that numbers depend on, and those that are missing."""
    had = {name: version for name in environment.PACKAGES if (version := installed(name)) is not None}
    return [python(), *compared(), *(Row(name, True, version) for name, version in had.items()), *missing(), *one_runtime(had)]


def python() -> Row:
    """The interpreter, against what pyproject.toml asks for: >= and two numbers."""
    wanted = project()["requires-python"]
    version = platform.python_version()
    good = numbers(version) >= numbers(wanted)
    return Row("Python", good, version, "" if good else f"rm -rf .venv && uvx --python '{wanted}' nox -s doctor")


def compared() -> list[Row]:
    """How they compare with the lock, whose markers and versions it takes the package `packaging` to read."""
    try:
        from bench.checkup import lock  # noqa: PLC0415
    except ImportError as fault:
        said = f"cannot be compared with the lock: {fault}"
        return [Row("packages", False, said, cure.sync("--reinstall-package packaging"))]
    return lock.rows()


def missing() -> list[Row]:
    """Each dependency of pyproject.toml that is not installed: a run fails without it."""
    # Only ONNX Runtime's wheels have markers.
    named = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in project()["dependencies"] if ";" not in text]
    absent = [name for name in named if installed(name) is None]
    if not any(installed(name) for name in WHEELS):
        absent.append(" or ".join(WHEELS))
    return [Row(name, False, "not installed", cure.sync()) for name in absent]


def one_runtime(found: dict[str, str]) -> list[Row]:
    """The two ONNX Runtime wheels: the one installed later overwrites the other's files."""
    if not set(WHEELS) <= set(found):
        return []
    said = "both onnxruntime and onnxruntime-gpu are installed, and share their files"
    return [Row("one ONNX Runtime", False, said, cure.sync(*RUNTIME_ANEW))]


def project() -> dict[str, Any]:
    """The project's table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return table


def installed(name: str) -> str | None:
    """The version of an installed package; None, too, for what an interrupted installer left without one."""
    try:
        return metadata.version(name) or None
    except metadata.PackageNotFoundError:
        return None
