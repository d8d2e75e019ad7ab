"""The examination where packages are missing: a real interpreter that sees none (-S), or all but one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from contract.errors import ENVIRONMENT, GOOD
from contract.layout import CHECKOUT


def bench(*arguments: str, packages: Path | None = None) -> subprocess.CompletedProcess[str]:
    """bench with these packages; what it starts has all of them."""
    command = [sys.executable, "-S", "-m", "bench", *arguments]
    env = {**os.environ, "PYTHONPATH": str(packages or "")}
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def every_but(name: str, folder: Path) -> Path:
    """All installed packages but one, with their metadata."""
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name != name and not path.name.startswith(f"{name}-"):
            (folder / path.name).symlink_to(path)
    return folder


def test_without_any_package_each_is_an_error_with_the_command_that_brings_it():
    done = bench("doctor", "--json", "--runtime", "ort-python")
    assert done.returncode == ENVIRONMENT
    rows = {row["what"]: row for row in json.loads(done.stdout)["rows"]}
    assert rows["Python"]["good"] is True
    for name in ("rich", "packaging", "numpy", "torch", "onnxruntime or onnxruntime-gpu"):
        assert (rows[name]["good"], rows[name]["found"]) == (False, "not installed")
        assert rows[name]["cure"].startswith(("uvx nox -s doctor", "uv pip sync"))
    assert rows["packages"]["found"] == "cannot be compared with the lock: No module named 'packaging'"


@pytest.mark.parametrize("name", ["rich", "packaging"])
def test_without_one_package_the_others_are_seen_and_it_is_the_error(name, tmp_path):
    done = bench("doctor", "--runtime", "ort-python", packages=every_but(name, tmp_path))
    assert done.returncode == ENVIRONMENT
    lines = [line for line in done.stdout.splitlines() if "not installed" in line]
    assert [line for line in lines if name in line and "error" in line]
    assert not [line for line in lines if "numpy" in line]


def test_the_commands_are_listed_where_no_package_is_installed():
    done = bench("--help")
    assert done.returncode == GOOD
    assert "doctor" in done.stdout
