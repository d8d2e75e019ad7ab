"""The pytest-benchmark record: samples that runners took are replayed through its public API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from contract import artifact
from contract.errors import EnvironmentFault
from contract.layout import CHECKOUT
from contract.matrix import Cell

RESULTS = "CONCORD_RESULTS"
# Some 3 ms of processor time are needed for each cell.
SECONDS = 300.0


def names(cells: Sequence[Cell]) -> list[str]:
    """What these cells of one run are called there: with their data set, where there are several."""
    several = len({cell.dataset for cell in cells}) > 1
    return [f"{cell.dataset}/{cell}" if several else str(cell) for cell in cells]


def write(results_json: Path, out: Path) -> None:
    """Write pytest-benchmark's JSON of a run, so that its `compare`, histograms, and the services that read it work.

    Raises EnvironmentFault when pytest fails, or takes longer than SECONDS.
    """
    with artifact.atomic_path(out) as made:
        _replay(results_json, made, out)


def _replay(results_json: Path, made: Path, out: Path) -> None:
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--capture=no", "-c", os.devnull, "--rootdir", str(CHECKOUT)),
        *("-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin", "-p", "bench.record.hooks"),
        *("--benchmark-json", str(made), "--benchmark-quiet", str(CHECKOUT / "bench" / "record" / "replay.py")),
    ]
    # A user's own pytest options (-x, -n 4, --cov) are not for this, and other plugins cost each cell time.
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    environment |= {RESULTS: str(results_json), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    try:
        done = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as fault:
        raise EnvironmentFault(
            f"pytest-benchmark had not written the record after {SECONDS:g} s",
            where=str(out),
            next=f"python -m bench report {out.parent}, when the machine has less to do; all else of the run is in results.json",
        ) from fault
    if done.returncode != 0 or not made.is_file():
        raise EnvironmentFault(
            f"pytest-benchmark could not write the record:\n{done.stdout[-2000:]}{done.stderr[-2000:]}",
            where=str(out),
            next="nox -s doctor; all else of the run is in results.json",
        )
