"""The training state: all that is needed to go on after an interruption and end with the same weights."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from contract import artifact
from contract.errors import UsageError
from contract.matrix import Recipe
from train.disk import full_disk_told

FILE, SUMS = "training-state.pt", "training-state.sha256"
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Epoch:
    """One row of history.csv. `number` counts from 1 over all phases."""

    number: int
    phase: str
    lr: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


def need_finite(row: Epoch, recipe: Recipe) -> None:
    """Raise UsageError when training ran away: what follows would be weights that are no numbers."""
    if not all(abs(loss) < math.inf for loss in (row.train_loss, row.val_loss)):
        raise UsageError(
            f"the loss is no longer a number in epoch {row.number}", where=f"recipe {recipe.name}", next="choose a smaller lr, or head_lr"
        )


@dataclass
class Best:
    """The best epoch so far by validation: correct answers, then the smaller loss."""

    epoch: int
    correct: int
    loss: float
    model: Tensors

    @property
    def rank(self) -> tuple[int, float]:
        """As Judged.rank."""
        return self.correct, -self.loss


@dataclass
class State:
    """Where training stands: phases done, epochs done in the present one, and the tensors of it all.

    There is no random state in it: everything random is a function of (seed, epoch, image).
    """

    inputs: str
    phase: int = 0
    epoch: int = 0
    seconds: float = 0.0
    model: Tensors = field(default_factory=dict)
    optimizer: dict[str, Any] | None = None
    scaler: dict[str, Any] | None = None
    best: Best | None = None
    history: list[Epoch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def save(state: State, folder: Path) -> None:
    """Write the state atomically. Its sum is written first, beside the old one: at any moment one of them fits the file."""
    with artifact.atomic_path(folder / FILE) as temporary:
        plain = {**vars(state), "best": None if state.best is None else vars(state.best), "history": [asdict(row) for row in state.history]}
        with full_disk_told():
            torch.save(plain, temporary)
        known = _sums(folder)[:3]
        artifact.write_text(folder / SUMS, "\n".join([artifact.sha256_file(temporary), *known]) + "\n")


def load(folder: Path, inputs: str) -> State | None:
    """The state of an interrupted run with the same inputs, or None, saying why on stderr when there is an unusable one."""
    path = folder / FILE
    if not path.is_file():
        return None
    if artifact.sha256_file(path) not in _sums(folder):
        _start_anew(path, "corrupt")
        return None
    try:
        plain = torch.load(path, map_location="cpu", weights_only=True)
        best = None if plain["best"] is None else Best(**plain["best"])
        state = State(**{**plain, "best": best, "history": [Epoch(**row) for row in plain["history"]]})
    except (UnpicklingError, RuntimeError, KeyError, TypeError) as fault:
        _start_anew(path, f"unreadable ({type(fault).__name__})")
        return None
    if state.inputs != inputs:
        _start_anew(path, "of other code, other inputs, threads, versions or device")
        return None
    return state


def remove(folder: Path) -> None:
    """Forget an interrupted or finished training: the next one starts anew."""
    for name in (FILE, SUMS):
        (folder / name).unlink(missing_ok=True)


def _sums(folder: Path) -> list[str]:
    path = folder / SUMS
    return path.read_text(encoding="ascii", errors="replace").split() if path.is_file() else []


def _start_anew(path: Path, why: str) -> None:
    print(f"{path} is {why}: training starts anew", file=sys.stderr, flush=True)
