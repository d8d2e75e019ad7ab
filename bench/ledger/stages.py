"""The stages of one image, as a runner dumps them: whole, or going on from an array that is given to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.parity.ask import SECONDS_AT_LEAST, Session, read_answers
from bench.runner import RunnerError
from contract.protocol import STAGES as TENSORS
from contract.protocol import Stage, Staged, StagesArgs, StageStart

Array = NDArray[Any]
# TENSORS, the stages before the model: their arrays must be equal to the last bit, and each can be swapped for the reference's.
__all__ = ["ARRAYS", "STAGES", "TENSORS", "Array", "Said", "Stage", "ask"]
ARRAYS = (*TENSORS, "logits")
STAGES = (*ARRAYS, "top-1", "label")


@dataclass(frozen=True)
class Said:
    """What a runner said of one image: arrays by stage (from the start on), top-1, class name, the EXIF orientation of the file."""

    arrays: Mapping[str, Array]
    top1: int
    label: str | None
    orientation: int | None


def ask(session: Session, image: str, start: tuple[Stage, Array] | None, work: Path) -> Said:
    """The stages of one image, or those after `start` from its array on. Raises RunnerError when they are not what was announced."""
    out, given = work / f"stages-{session.runtime}.npz", work / "stages-start.npy"
    if start is not None:
        np.save(given, start[1])
    begin = StageStart(start[0], str(given)) if start is not None else None
    answer = session.runner.ask("stages", StagesArgs(session.loaded.id, image, begin, str(out)), Staged, SECONDS_AT_LEAST)
    where = f"{session.runtime}: stages"
    wanted = ARRAYS[TENSORS.index(start[0]) :] if start is not None else ARRAYS
    arrays = read_answers(out, wanted, where)
    if {name: array.shape for name, array in arrays.items()} != {name: info.shape for name, info in answer.arrays.items()}:
        raise RunnerError(f"announced {', '.join(answer.arrays) or 'nothing'}, and wrote others, or of other shapes", where=where)
    return Said(arrays, answer.top1, answer.label, answer.orientation)
