"""What a command of a page comes to, and whether the program that it names understands it: by the real noxfile and the real parsers."""

from __future__ import annotations

import re
import runpy
import signal
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from contract import options
from contract.errors import ConcordError
from contract.layout import CHECKOUT
from tests import sessions
from tests.docs.reading import Command

MODULES = ("train", "export", "bench", "infer_py")
INFER_RS = "infer_rs/target/release/infer-rs"
PINNED = re.compile(r"[a-z0-9-]+==[0-9.]+")
Call = tuple[str, ...]


class Parsed(BaseException):
    """What a step's parser made of its arguments; no `except Exception` of the step catches it."""

    def __init__(self, namespace: Namespace | None, shared: options.Options | None) -> None:
        super().__init__()
        self.namespace, self.shared = namespace, shared


def calls(command: Command, root: Path, monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Our programs that a command starts, each as its words. Raises AssertionError for a command that no test knows."""
    words = list(command.words)
    # What printf says to the program behind it: test_pipelines.py runs both as they stand.
    if words in (["pip", "install", "uv"], ["source"]) or words[0] == "printf":
        return []
    if words[:5] == ["uv", "pip", "install", "--python", ".venv"] and all(PINNED.fullmatch(word) for word in words[5:]):
        return []
    if words[:2] == ["uvx", "nox"]:
        words = words[1:]
    if words[:2] == ["nox", "-s"]:
        return _of_nox(words[2:], root, monkeypatch)
    if words[0] in ("python", ".venv/bin/python") and words[1:2] == ["-m"] and len(words) > 2:
        if words[2] in MODULES:
            return [("python", *words[1:])]
        if _there(words[2], words[3:]):
            return []
    if words[0] in (INFER_RS, "infer-rs"):
        return [("infer-rs", *words[1:])]
    raise AssertionError(f"{command.page}:{command.line}: no test knows how to run this: {command}")


def _there(module: str, arguments: list[str]) -> bool:
    """pytest on tests that there are, by name if need be; or a module of ours without options, which has tests of its own."""
    if module == "pytest":
        return bool(arguments) and (CHECKOUT / arguments[0]).exists() and (len(arguments) == 1 or arguments[1:-1] == ["-k"])
    path = CHECKOUT / module.replace(".", "/")
    return not arguments and module.split(".", maxsplit=1)[0] in ("bench", "docs") and (path.is_dir() or path.with_suffix(".py").is_file())


def _of_nox(words: list[str], root: Path, monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    end = words.index("--") if "--" in words else len(words)
    names, posargs = words[:end], words[end + 1 :]
    assert names, "nox -s needs the name of a session"
    found: list[Call] = []
    for name in names:
        for ran in sessions.ran_by(name, posargs, root, monkeypatch):
            if ran[:2] == [str(sessions.noxfile().PYTHON), "-m"] and ran[2] in MODULES:
                found.append(("python", *ran[1:]))
            else:
                # cargo, ruff, pytest: what the session gives them is its own affair, and options would be theirs.
                assert not set(posargs) & set(ran), f"no test knows how {ran[0]} takes {posargs}"
    return found


def understood(call: Call, monkeypatch: pytest.MonkeyPatch) -> options.Options | None:
    """The options as the program's own parser reads them, None for a program with others. Raises AssertionError where it refuses them."""
    module, arguments = call[2], list(call[3:])
    genuine, parse_args = options.parse, options.Parser.parse_args

    def shared(made: Any, argv: list[str]) -> Any:
        with monkeypatch.context() as inner:
            inner.setattr(options.Parser, "parse_args", parse_args)
            parsed, raw = genuine(made, argv)
        raise Parsed(raw, parsed)

    def own(self: options.Parser, *given: Any) -> Any:
        raise Parsed(parse_args(self, *given), None)

    handler = signal.getsignal(signal.SIGTERM)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(options, "parse", shared)
            patch.setattr(options.Parser, "parse_args", own, raising=False)
            patch.setattr(sys, "argv", [module, *arguments])
            patch.delitem(sys.modules, f"{module}.__main__", raising=False)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Parsed as parsed:
        return parsed.shared
    except SystemExit as ended:
        if ended.code == 0 and {"-h", "--help"} & set(arguments):
            return None
        raise AssertionError(f"{' '.join(call)}: exit {ended.code}") from ended
    finally:
        signal.signal(signal.SIGTERM, handler)
    raise AssertionError(f"{' '.join(call)}: it has no parser")


def selected(parsed: options.Options) -> None:
    """The names that the options choose are in the matrix that they name. Raises AssertionError."""
    try:
        matrix = options.select(parsed)
        for noun in ("dataset", "backbone", "variant", "runtime", "scenario"):
            matrix.chosen(noun)
        if parsed.recipe:
            matrix.find("recipe", parsed.recipe)
    except ConcordError as fault:
        raise AssertionError(str(fault)) from fault
