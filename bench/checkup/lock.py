"""What is installed, against requirements/all.txt: the one part of the checkup that needs a package, `packaging`."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bench.checkup import cure
from bench.checkup.packages import installed, project
from bench.checkup.row import Row
from contract.layout import CHECKOUT

LOCK = CHECKOUT / "requirements" / "all.txt"
# Named in one row; the others are counted.
NAMED = 6


def rows() -> list[Row]:
    """All packages against the lock, and the two that are built for each other."""
    return [locked(LOCK), *pair()]


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
        return Row("packages", False if first[0] in needed else None, f"not installed: {some(first)}", cure.sync())
    if others:
        return Row("packages", None, f"not as locked: {some(others)}", cure.sync())
    return Row("packages", True, f"all {count} as locked in {lock.parent.name}/{lock.name}")


def requirements(lock: Path) -> list[Requirement]:
    """The lines of a lock file, without their hashes and comments."""
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.partition(" #")[0].partition("--hash")[0].strip() for line in joined.splitlines() if not line.strip().startswith("#")]
    return [Requirement(line) for line in lines if line]


def pair() -> list[Row]:
    """Whether torch is one that torchvision was built for, as its own metadata say."""
    torch, vision = installed("torch"), installed("torchvision")
    if torch is None or vision is None:
        return [Row("torch and torchvision", False, f"not installed: {'torch' if torch is None else 'torchvision'}", cure.sync())]
    wanted = [text for text in map(Requirement, metadata.requires("torchvision") or []) if text.name == "torch" and text.marker is None]
    good = all(text.specifier.contains(Version(torch).public, prereleases=True) for text in wanted)
    said = ", ".join(f"torch{text.specifier}" for text in wanted) or "any torch"
    found = f"torchvision {vision} asks for {said}; torch is {torch}"
    return [Row("torch and torchvision", good, found, "" if good else cure.sync())]


def some(names: list[str]) -> str:
    """The first few, and how many more."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
