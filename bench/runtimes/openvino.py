"""openvino: OpenVINO's CPU plugin, the worked example of docs/adding-a-runtime.md. Not in the default matrix."""

from __future__ import annotations

import importlib.util
import platform
import sys

from bench.checkup import cure
from bench.runtimes import Descriptor
from contract.artifact import package_hash
from contract.errors import EnvironmentFault

RELEASE = "2026.4.1"
PROGRAM = "docs.examples.openvino_runner"
# Where the lock has it: the reasons stand in pyproject.toml.
LOCKED = {("linux", "x86_64"), ("darwin", "arm64"), ("win32", "AMD64")}


def locked() -> bool:
    """Whether the lock has the package for this platform."""
    return (sys.platform, platform.machine()) in LOCKED


def command(_providers: tuple[str, ...]) -> list[str]:
    """Command line of the runner. Raises EnvironmentFault when the package is not installed."""
    if importlib.util.find_spec("openvino") is None:
        raise EnvironmentFault(
            "the package openvino is not installed",
            where="openvino",
            next=cure.sync() if locked() else f"uv pip install --python .venv openvino=={RELEASE} # the lock leaves this platform out",
        )
    return [sys.executable, "-m", PROGRAM]


DESCRIPTOR = Descriptor("openvino", command, source=lambda: package_hash(PROGRAM.replace(".", "/"), "infer_py", "contract"))
