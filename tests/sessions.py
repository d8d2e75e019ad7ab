"""The real noxfile, and what its sessions would run."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from contract.layout import CHECKOUT


@functools.cache
def noxfile() -> ModuleType:
    """The module. Once: nox objects to a session that is registered twice."""
    spec = importlib.util.spec_from_file_location("noxfile", CHECKOUT / "noxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ran_by(name: str, posargs: Sequence[str], root: Path, monkeypatch: Any) -> list[list[str]]:
    """The commands of `nox -s NAME -- POSARGS`, none of which is run; what the session deletes, it deletes below `root`."""
    module = noxfile()
    assert name in names(), f"there is no nox session '{name}'; there are: {', '.join(names())}"
    commands: list[list[str]] = []

    def error(text: str) -> None:
        raise AssertionError(f"nox -s {name}: {text}")

    def run(*words: object, **_: object) -> None:
        commands.append([str(word) for word in words])

    (root / "reports").mkdir(parents=True, exist_ok=True)
    with monkeypatch.context() as patch:
        patch.setattr(module, "sync", lambda _: {})
        patch.setattr(module, "ROOT", root)
        session = SimpleNamespace(posargs=list(posargs), run=run, log=print, warn=print, error=error)
        getattr(module, name)(session)
    return commands


def names() -> list[str]:
    """Of all sessions."""
    return [name for name, value in vars(noxfile()).items() if type(value).__name__ == "Func"]
