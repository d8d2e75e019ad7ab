"""python -m bench.action: what action.yml runs. Standard library only: it runs before anything is installed.

Inputs come as environment variables and go on as one argument each, `--name=value`: no shell reads them, and none becomes another option.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from contract.errors import EnvironmentFault, UsageError, run_step
from contract.layout import CHECKOUT

INPUTS = ("onnx", "reference", "images", "weights", "preset", "spec", "output", "claim", "without")
REQUIRED = INPUTS[:3]
# As contract.options has it, which other packages may come to be imported by.
USER_FOLDER = "CONCORD_USER_FOLDER"
LOCK = CHECKOUT / "requirements" / "all.txt"


def main() -> int:
    """Install, judge, say where the report lies; returns the exit code of `bench parity`. Raises UsageError and EnvironmentFault."""
    given = arguments(os.environ)
    temporary, workspace, output = (_runner(name) for name in ("RUNNER_TEMP", "GITHUB_WORKSPACE", "GITHUB_OUTPUT"))
    python = installed(temporary / "concord-venv")
    reports = Path(tempfile.mkdtemp(prefix="concord-reports-", dir=temporary))
    code = judged([str(python), "-m", "bench", "parity", *given, f"--reports={reports}"], workspace)
    latest = reports / "latest"
    with output.open("a", encoding="utf-8") as file:
        file.write(f"exit-code={code}\nreport={latest.resolve() if latest.is_dir() else ''}\n")
    return code


def arguments(environment: Mapping[str, str]) -> list[str]:
    """One argument for each input that is not empty, whatever it holds. Raises UsageError for an empty one that is required."""
    values = {name: environment.get(f"PARITY_{name.upper()}", "") for name in INPUTS}
    # GitHub does not enforce `required`, and without --onnx the command would judge something else.
    if missing := [name for name in REQUIRED if not values[name]]:
        raise UsageError(f"the input '{missing[0]}' is empty", where="action.yml", next=f"add {missing[0]} below `with:`")
    return [f"--{name}={value}" for name, value in values.items() if value]


def installed(venv: Path) -> Path:
    """The Python of an environment with the locked requirements; a second use in one job finds it. Raises EnvironmentFault."""
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.is_file():
        _uv("venv", "--quiet", f"--python={sys.executable}", str(venv))
    _uv("pip", "sync", "--quiet", "--require-hashes", f"--python={python}", str(LOCK))
    return python


def judged(command: list[str], workspace: Path) -> int:
    """Run the command, relative paths being the workspace's; returns its exit code."""
    # Class names and file names are printed: a line of them that looks like a workflow command must not be one.
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        code = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, USER_FOLDER: str(workspace)}, check=False).returncode
    finally:
        print(f"::{token}::", flush=True)
    return code if code >= 0 else 128 - code


def _uv(*arguments: str) -> None:
    try:
        code = subprocess.run(["uv", *arguments], check=False).returncode
    except FileNotFoundError as fault:
        raise EnvironmentFault("uv is not on PATH", where="action.yml", next="pip install uv") from fault
    if code != 0:
        raise EnvironmentFault(f"uv {arguments[0]} failed with exit code {code} (its messages are above)", next="run the job again")


def _runner(name: str) -> Path:
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"{name} is not set", where="python -m bench.action", next="GitHub sets it; elsewhere call python -m bench parity")
    return Path(value)


if __name__ == "__main__":
    run_step(main)
