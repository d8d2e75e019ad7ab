"""A torchvision model with given weights as the reference: `python -m train reference` writes it as the torch-eager runner reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contract import manifest, strict
from contract.errors import ConcordError, DataError, EnvironmentFault, UsageError
from contract.layout import CHECKOUT
from contract.manifest import TrainManifest
from contract.preprocess import PreprocessSpec

BY_CODE: dict[int, type[ConcordError]] = {error.exit_code: error for error in (UsageError, EnvironmentFault, DataError)}


def make(
    backbone: str, weights: str, folder: Path, *, spec: PreprocessSpec | None, preset: str | None, labels: tuple[str, ...] | None
) -> TrainManifest:
    """Write checkpoint and train.json into a folder, and read them. Raises what `train` said, with its exit code."""
    command = [sys.executable, "-m", "train", "reference", "--backbone", backbone, "--weights", weights, "--out", str(folder)]
    if spec is not None:
        (folder / "spec.json").write_text(spec.to_json(), encoding="utf-8")
        command += ["--spec", str(folder / "spec.json")]
    if labels is not None:
        (folder / "classes.json").write_text(strict.dumps(labels), encoding="utf-8")
        command += ["--classes", str(folder / "classes.json")]
    command += ["--preset", preset] if preset is not None else []
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said, _, after = done.stderr.strip().partition("\n  next: ")
        raise BY_CODE.get(done.returncode, EnvironmentFault)(said.rpartition("error: ")[2], next=after)
    return manifest.read_verified(TrainManifest, folder / manifest.TRAIN, "report this as a bug")
