"""Python and its packages, against the lock."""

from __future__ import annotations

import platform
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from bench import environment
from bench.checkup.row import Row
from contract.layout import CHECKOUT

LOCK, PROJECT = CHECKOUT / "requirements" / "all.txt", CHECKOUT / "pyproject.toml"
SYNC = "run any nox session: it installs the locked requirements"
ANEW = "delete .venv and run any nox session"
# Named in one row; the others are counted.
NAMED = 6


def rows() -> list[Row]:
    """Python, the packages that numbers depend on, and how all of them compare with the lock."""
    found = environment.packages()
    return [python(), locked(LOCK), *(Row(name, True, version) for name, version in found.items()), *one_runtime(found), *pair()]


def python() -> Row:
    """The interpreter, against what pyproject.toml asks for."""
    wanted = project()["requires-python"]
    version = platform.python_version()
    good = SpecifierSet(wanted).contains(version, prereleases=True)
    return Row("Python", good, version, "" if good else f"install Python {wanted}, delete .venv, run any nox session")


def locked(lock: Path) -> Row:
    """Whether what is installed is what the lock says for this platform: another version works, with other numbers.

    Without one that pyproject.toml names as a dependency a run fails; the others are tools, or theirs.
    """
    absent: list[str] = []
    others: list[str] = []
    count = 0
    for requirement in requirements(lock):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        count += 1
        wanted = str(requirement.specifier).removeprefix("==")
        had = installed(requirement.name)
        if had is None:
            absent.append(canonicalize_name(requirement.name))
        elif Version(had).public != Version(wanted).public:
            others.append(f"{requirement.name} {had} (locked: {wanted})")
    if absent:
        needed = {canonicalize_name(Requirement(text).name) for text in project()["dependencies"]}
        first = sorted(absent, key=lambda name: name not in needed)
        return Row("packages", False if first[0] in needed else None, f"not installed: {some(first)}", SYNC)
    if others:
        return Row("packages", None, f"not as locked: {some(others)}", ANEW)
    return Row("packages", True, f"all {count} as locked in {lock.parent.name}/{lock.name}")


def project() -> dict[str, Any]:
    """The project's table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return table


def requirements(lock: Path) -> list[Requirement]:
    """The lines of a lock file, without their hashes and comments."""
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.partition(" #")[0].partition("--hash")[0].strip() for line in joined.splitlines() if not line.strip().startswith("#")]
    return [Requirement(line) for line in lines if line]


def one_runtime(found: dict[str, str]) -> list[Row]:
    """The two ONNX Runtime wheels share their files: the one installed later overwrites the other's."""
    if not {"onnxruntime", "onnxruntime-gpu"} <= set(found):
        return []
    return [Row("one ONNX Runtime", False, "both onnxruntime and onnxruntime-gpu are installed, and share their files", ANEW)]


def pair() -> list[Row]:
    """Whether torch is one that torchvision was built for, as its own metadata say."""
    torch, vision = installed("torch"), installed("torchvision")
    if torch is None or vision is None:
        return [Row("torch and torchvision", False, f"not installed: {'torch' if torch is None else 'torchvision'}", SYNC)]
    wanted = [text for text in map(Requirement, metadata.requires("torchvision") or []) if text.name == "torch" and text.marker is None]
    good = all(text.specifier.contains(Version(torch).public, prereleases=True) for text in wanted)
    said = ", ".join(f"torch{text.specifier}" for text in wanted) or "any torch"
    return [Row("torch and torchvision", good, f"torchvision {vision} asks for {said}; torch is {torch}", "" if good else ANEW)]


def installed(name: str) -> str | None:
    """The version of an installed package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def some(names: list[str]) -> str:
    """The first few, and how many more."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
