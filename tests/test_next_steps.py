"""An error that a user can meet says its next step: of a file that reads the command line or a user's file, every one that it raises."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from contract.layout import CHECKOUT

ERRORS = {"UsageError", "DataError", "EnvironmentFault", "UnsupportedError", "JudgedBad"}
MODULES = (
    "contract/options.py", "contract/matrix.py", "contract/overrides.py", "contract/preprocess.py", "contract/narrow.py",
    "bench/__main__.py", "bench/foreign.py", "bench/across", "bench/fuzz", "bench/overhead", "bench/selftest", "bench/resume.py",
    "bench/faults/run.py", "bench/faults/catalogue.py", "bench/report", "bench/evidence", "bench/gate", "bench/parity", "bench/given",
    "bench/blame", "bench/split", "bench/explain", "bench/probe.py", "bench/record", "bench/runtimes", "bench/subject.py", "train/data",
    "train/fit", "train/model", "train/weights", "train/preset.py", "train/look.py", "train/reference.py", "export/plan.py",
    "export/step.py", "infer_py/plot.py", "infer_py/command.py", "infer_py/model.py", "infer_py/preprocess.py", "infer_py/onnx_file.py",
)  # fmt: skip
# Errors that are made of others, which say theirs.
JOINED = {("infer_py/command.py", "_predict")}


def silent(source: str) -> list[tuple[str, int]]:
    """The function and line of each error that is made without a next step."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ERRORS:
                    found += [] if "next" in {each.arg for each in call.keywords} else [(function.name, call.lineno)]
    return found


def files() -> list[Path]:
    return [file for name in MODULES for file in (sorted((CHECKOUT / name).rglob("*.py")) or [CHECKOUT / name])]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_every_error_says_its_next_step(path):
    name = path.relative_to(CHECKOUT).as_posix()
    lines = [f"{name}:{line}: {function}" for function, line in silent(path.read_text()) if (name, function) not in JOINED]
    assert lines == []


def test_one_that_says_none_is_found():
    assert silent("def f():\n    raise UsageError('x', where='y')") == [("f", 2)]
    assert silent("def f():\n    raise UsageError('x', next='y')") == []
