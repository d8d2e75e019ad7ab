"""A disk that fills while training writes: the writers are torch's C++ and safetensors' Rust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contract.layout import CHECKOUT
from train.disk import full_disk_told

CHILD = """
import pathlib, resource, sys
import torch
from contract import artifact
from contract.errors import run_step
from safetensors.torch import save_file
from train.disk import full_disk_told
from train.fit import state

folder = pathlib.Path(sys.argv[1])
state.save(state.State("old"), folder)
made = {"weight": torch.zeros(1_000_000)}
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

def step():
    if sys.argv[2] == "state":
        state.save(state.State("new", model=made), folder)
    else:
        with artifact.atomic_path(folder / "checkpoint.safetensors") as temporary, full_disk_told():
            save_file(made, temporary)
    return 0

run_step(step)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process")
@pytest.mark.parametrize("what", ["state", "checkpoint"])
def test_a_full_disk_is_the_environment_and_what_was_there_stays(tmp_path: Path, what: str) -> None:
    said = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), what], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert said.returncode == 3, said.stderr
    assert "no space left" in said.stderr
    assert "next: free some space" in said.stderr
    assert "Traceback" not in said.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["training-state.pt", "training-state.sha256"]


def test_another_error_passes() -> None:
    with pytest.raises(RuntimeError, match="a bug"), full_disk_told():
        raise RuntimeError("a bug")
