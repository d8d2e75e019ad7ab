"""`--help` answers without importing what takes its time, in less than half a second of a processor."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.__main__ import COMMANDS, TOOLS
from contract.layout import CHECKOUT

# Each costs a tenth of a second or nearly.
HEAVY = {
    "torch", "torchvision", "onnx", "onnxsim", "onnxscript", "onnxruntime", "scipy", "numpy", "matplotlib", "jinja2", "jsonschema", "rich",
    "PIL", "pytest",
}  # fmt: skip
LIMIT_SECONDS, TRIES = 0.5, 5
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
        *(["infer_py", name] for name in ("predict", "info", "overhead", "serve", "split")),
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words: list[str]):
    code, text, imported = helped(*words)
    assert (code, text.split(maxsplit=1)[0]) == (0, "usage:")
    assert "contract" in imported
    assert sorted(imported & HEAVY) == []


def seconds(*command: str) -> Iterator[float]:
    """Of a processor, for others may be at work on this machine; each time anew, for caches may be cold the first time."""
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], cwd=CHECKOUT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        yield after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "words",
    [
        "train",
        "train look",
        "train reference",
        "train serve",
        "export",
        "bench",
        "bench run",
        "bench doctor",
        "infer_py",
        "infer_py predict",
    ],
)
def test_the_best_of_five_is_quick(words: str):
    assert any(spent < LIMIT_SECONDS for spent in seconds("-m", *words.split(), "--help"))


def test_a_slow_program_is_seen():
    assert min(seconds("-c", f"import time\nwhile time.process_time() < {LIMIT_SECONDS}: pass")) > LIMIT_SECONDS


def test_a_program_that_imports_it_is_seen(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text("import numpy")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "numpy" in helped("slow")[2]
