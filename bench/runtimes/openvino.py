"""openvino: OpenVINO's CPU plugin, the worked example of docs/adding-a-runtime.md. In no lock file, and not in the default matrix."""

from __future__ import annotations

import importlib.util
import sys

from bench.runtimes import Descriptor
from contract.artifact import package_hash
from contract.errors import EnvironmentFault

RELEASE = "2026.4.1"
PROGRAM = "docs.examples.openvino_runner"


def command(_providers: tuple[str, ...]) -> list[str]:
    """Command line of the runner. Raises EnvironmentFault when the package is not installed."""
    if importlib.util.find_spec("openvino") is None:
        raise EnvironmentFault(
            "the package openvino is not installed: it is heavy, and not locked",
            where="openvino",
            next=f"uv pip install --python .venv openvino=={RELEASE} (nox removes it when the lock changes and .venv is synced)",
        )
    return [sys.executable, "-m", PROGRAM]


DESCRIPTOR = Descriptor("openvino", command, source=lambda: package_hash(PROGRAM.replace(".", "/"), "infer_py", "contract"))
