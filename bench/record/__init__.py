"""The pytest-benchmark record: samples that runners took are replayed through its public API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from contract.errors import EnvironmentFault
from contract.layout import CHECKOUT

RESULTS = "CONCORD_RESULTS"


def write(results_json: Path, out: Path) -> None:
    """Write pytest-benchmark's JSON of a run, so that its `compare`, histograms, and the services that read it work.

    Raises EnvironmentFault when pytest fails.
    """
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "bench.record.hooks",
            "-c",
            os.devnull,
            "--rootdir",
            str(CHECKOUT),
        ),
        *("--benchmark-json", str(out), "--benchmark-quiet", str(CHECKOUT / "bench" / "record" / "replay.py")),
    ]
    # A user's own pytest options (-x, -n 4, --cov) are not for this.
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        command, env={**environment, RESULTS: str(results_json)}, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0 or not out.is_file():
        raise EnvironmentFault(
            f"pytest-benchmark could not write the record:\n{done.stdout[-2000:]}{done.stderr[-2000:]}",
            where=str(out),
            next="nox -s doctor; all else of the run is in results.json",
        )
