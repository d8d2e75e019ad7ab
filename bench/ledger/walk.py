"""Swap attribution of one image: go through the stages, and put the reference's array in wherever the candidate's differs.

Whatever still differs after a stage was given the reference's input is made in that stage, not inherited. So a candidate is asked
once for each stage at fault, and never where all is equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.ledger.stages import TENSORS, Array, Said, Stage
from bench.parity.compare import same_bits
from contract.errors import DataError, UsageError

Ask = Callable[[Stage, Array], Said]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Fault:
    """A stage that makes a difference: its output from the reference's input (None: it refuses), and what swapping it changes.

    `effect`: what it moves the logits by, or None where that cannot be said. `flip`: the label is right from its swap on, and not before.
    """

    stage: str
    made: Array | None
    effect: Vector | None
    flip: bool


@dataclass(frozen=True)
class Walk:
    """One image: both answers (the candidate's None where it refuses the file), and the faults in the order of the stages.

    `total`: by how much the logits differ end to end; the effects of all faults sum to it, up to what is within the tolerance.
    `own_index`, `own_name`: what the candidate's logits and index on the reference's tensor stand for, by the reference's names.
    """

    reference: Said
    candidate: Said | None
    faults: tuple[Fault, ...]
    total: Vector | None
    flip: bool
    own_index: int
    own_name: str


def walk(reference: Said, candidate: Said | None, ask: Ask, tolerance: float, names: Sequence[str]) -> Walk:
    """Find where the candidate's answer is made. `names`: class names of the reference; `ask(stage, array)` starts the candidate there.

    Raises DataError or UsageError when the candidate refuses the reference's pixels as well as the file.
    """
    runs: list[tuple[str, Array | None, Said | None]] = []  # stage swapped, what the candidate made there, the run before the swap
    current = candidate
    for stage in TENSORS:
        made = current.arrays.get(stage) if current is not None else None
        if made is not None and same_bits(made, reference.arrays[stage]):
            continue
        runs.append((stage, made, current))
        try:
            current = ask(stage, reference.arrays[stage])
        except (DataError, UsageError):
            if current is None:
                raise  # it takes neither the file nor the pixels: nothing can be said of its stages
            current = None  # the reference's array does not go into this model: what comes after it cannot be judged
            break
    answers = [*(before for _, _, before in runs), current]
    rights = [_right(said, reference) for said in answers]
    flip = not rights[0]  # faults that cancel each other change no label
    faults = [
        Fault(stage, made, _moved(before, answers[number + 1]), flip and not rights[number] and all(rights[number + 1 :]))
        for number, (stage, made, before) in enumerate(runs)
    ]
    total = _moved(candidate, reference)
    if current is None:
        return Walk(reference, candidate, tuple(faults), total, flip, 0, "")
    own, rest = model_faults(current, reference, tolerance, names), _moved(current, reference)
    faults += [
        Fault(stage, made, rest if stage == "logits" else None, flip and not rights[-1] and stage == own[-1][0]) for stage, made in own
    ]
    own_name = name_of(current.top1, names) or str(current.top1)
    return Walk(reference, candidate, tuple(faults), total, flip, int(np.argmax(current.arrays["logits"])), own_name)


def model_faults(said: Said, reference: Said, tolerance: float, names: Sequence[str]) -> list[tuple[str, Array]]:
    """Of a run on the reference's tensor: which of logits, top-1 and label are at fault, each judged by what it was given."""
    found: list[tuple[str, Array]] = []
    logits = said.arrays["logits"]
    moved = _moved(said, reference)
    # Written so that a NaN is found, too.
    if moved is None or not np.max(np.abs(moved)) <= tolerance:
        found.append(("logits", logits))
    if said.top1 != int(np.argmax(logits)):
        found.append(("top-1", np.array(said.top1)))
    if said.label != name_of(said.top1, names):
        found.append(("label", np.array(str(said.label))))
    return found


def name_of(index: int, names: Sequence[str]) -> str | None:
    """The name of a class, None where no class has this index."""
    return names[index] if 0 <= index < len(names) else None


def _moved(one: Said | None, other: Said | None) -> Vector | None:
    if one is None or other is None or one.arrays["logits"].shape != other.arrays["logits"].shape:
        return None
    return np.asarray(one.arrays["logits"].astype(np.float64) - other.arrays["logits"])


def _right(said: Said | None, reference: Said) -> bool:
    """Whether it gives the reference's label; its index, where either knows no names."""
    if said is None or None in (said.label, reference.label):
        return said is not None and said.top1 == reference.top1
    return said.label == reference.label
