"""On a Python that is too old every step, and nox, ends with a line that says so: exit code 3, before anything else is imported."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.checkup import packages
from contract import python_version
from contract.errors import ENVIRONMENT
from contract.layout import CHECKOUT

STEPS = ["train", "export", "bench doctor", "bench", "infer_py predict", "export.worker", "bench.rules"]
OLD = ["3.6", "3.7", "3.8", "3.9", "3.10"]
# Runs a module as `python -m` does, or the noxfile as nox does, and believes in an old Python meanwhile.
PRETEND = """
import atexit, nox, pkgutil, runpy, sys
before = set(sys.modules)
atexit.register(lambda: print(*sorted(set(sys.modules) - before)))
sys.version_info = (3, 10, 13, "final", 0)
sys.argv = sys.argv[1:]
if sys.argv[0] == "noxfile.py":
    runpy.run_path("noxfile.py")
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
SAID = r"error: Python >= 3\.11 is needed, and this is {found} \(.*\); next: .*uvx --python '>=3\.11' nox -s doctor, which .*\n"


@pytest.mark.parametrize("step", [*STEPS, "noxfile.py"])
def test_the_step_says_so_before_it_imports_anything(step):
    command = [sys.executable, "-c", PRETEND, *step.split()]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert re.fullmatch(SAID.format(found=r"3\.10\.13"), done.stderr), done.stderr
    assert done.returncode == python_version.EXIT_CODE
    assert set(done.stdout.split()) == (set() if step == "noxfile.py" else {"contract", "contract.python_version"})


def test_an_old_nox_is_told_of_after_an_old_python():
    program = "import importlib.metadata, runpy; importlib.metadata.version = lambda _: '2026.4.10'; runpy.run_path('noxfile.py')"
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.stderr == "error: nox >= 2026.10 is needed, and this is 2026.4.10; next: uvx nox@latest\n"
    assert done.returncode == ENVIRONMENT


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_that_there_is(version):
    command = program(version)
    for step in STEPS:
        done = subprocess.run([command, "-m", *step.split()], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert re.fullmatch(SAID.format(found=re.escape(version) + r"\.\d+"), done.stderr), done.stderr
        assert (done.returncode, done.stdout) == (ENVIRONMENT, "")


def program(version: str) -> str:
    """A Python of this version: on PATH, or among pyenv's, whose programs on PATH work for the chosen one only."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (shutil.which(name), *sorted(pyenv.glob(f"{version}.*/bin/{name}"))):
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return str(found)
    pytest.skip(f"there is no {name} here")


@pytest.mark.parametrize("name", ["contract/__init__", "contract/python_version", *(f"{step.split()[0]}/__init__" for step in STEPS[:5])])
def test_an_old_python_can_read_it(name):
    made = ast.parse((CHECKOUT / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    # Python 3.6 has no __future__.annotations.
    assert not [node for node in ast.walk(made) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]


def test_a_venv_of_an_old_python_is_to_go_first(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    for prefix, first in (("/checkout/.venv", "rm -rf .venv && uvx"), (r"C:\checkout\.venv", "rm -rf .venv && uvx"), ("/usr", "uvx")):
        monkeypatch.setattr(sys, "prefix", prefix)
        with pytest.raises(SystemExit):
            python_version.require()
        assert f"next: {first} " in capsys.readouterr().err


def test_it_is_what_the_project_asks_for():
    assert packages.project()["requires-python"] == f">={'.'.join(map(str, python_version.NEEDED))}"
    assert python_version.EXIT_CODE == ENVIRONMENT
    python_version.require()
