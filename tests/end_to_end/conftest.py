"""One chain of the real steps - train, export, bench - on a small drawn data set, shared by the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.results import Results
from bench.runtimes import ort_rust
from contract import strict
from contract.layout import CHECKOUT

MATRIX = Path(__file__).with_name("matrix.toml")


@dataclass(frozen=True)
class Chain:
    """Folders of a chain, and a way to call a step on them."""

    folder: Path

    def step(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        where = [argument for name in ("artifacts", "data", "reports") for argument in (f"--{name}", str(self.folder / name))]
        done = subprocess.run(
            [sys.executable, "-m", *command, "--matrix", str(MATRIX), *where, "--offline"],
            cwd=CHECKOUT,
            env={**os.environ, "CONCORD_USER_FOLDER": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done

    def results(self) -> Results:
        path = self.folder / "reports" / "latest" / "results.json"
        return strict.decode(Results, strict.loads(path.read_text(), str(path)), str(path))


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    if not ort_rust.BINARY.is_file():
        pytest.skip("the Rust binary is not built: nox -s build")
    made = Chain(tmp_path_factory.mktemp("chain"))
    made.step("train")
    made.step("export")
    made.step("bench", "run")
    return made
