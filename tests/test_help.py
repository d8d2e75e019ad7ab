"""`--help` answers without importing what takes its time: asked of fresh interpreters, not of a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.__main__ import COMMANDS, TOOLS
from contract.layout import CHECKOUT

# Each costs a tenth of a second or nearly.
HEAVY = {
    "torch", "torchvision", "onnx", "onnxsim", "onnxscript", "onnxruntime", "scipy", "numpy", "matplotlib", "jinja2", "jsonschema", "rich",
}  # fmt: skip
# Runs a module as `python -m` does, and says at its end what was imported.
PROGRAM = """
import atexit, runpy, sys
atexit.register(lambda: print("IMPORTED", *sys.modules))
sys.argv = [*sys.argv[1:], "--help"]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def helped(*words: str) -> tuple[int, str, set[str]]:
    """Exit code, printed help, and the top-level modules that came along."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    text, _, imported = done.stdout.partition("IMPORTED")
    return done.returncode, text, {name.partition(".")[0] for name in imported.split()}


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["train", "look"],
        ["train", "reference"],
        ["train", "serve"],
        ["export"],
        ["bench"],
        *(["bench", name] for name in (*COMMANDS, *TOOLS)),
        ["infer_py"],
        *(["infer_py", name] for name in ("predict", "info", "overhead", "serve")),
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words: list[str]):
    code, text, imported = helped(*words)
    assert (code, text.split(maxsplit=1)[0]) == (0, "usage:")
    assert "contract" in imported
    assert sorted(imported & HEAVY) == []


def test_a_program_that_imports_it_is_seen(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text("import numpy")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "numpy" in helped("slow")[2]
