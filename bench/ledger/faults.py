"""The faults of each stage over images: how they look, and what is known to look so."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.ledger import causes_answer, verdict
from bench.ledger.case import Case
from bench.ledger.diagnosis import Diagnosis
from bench.ledger.found import Cause, StageFault
from bench.ledger.stages import STAGES, TENSORS, Array
from bench.ledger.tally import Sums, Tally
from bench.ledger.walk import Fault, Walk
from contract.preprocess import PreprocessSpec

# Images per stage that causes are tried on, and that logits are kept of: what is found on more is the same.
DIAGNOSED, KEPT = 6, 64
JPEG = b"\xff\xd8"


@dataclass
class Faults:
    """What was seen of faults so far. `listed`, `theirs`: the candidate's class names and the reference's."""

    spec: PreprocessSpec
    tolerance: float
    theirs: tuple[str, ...]
    listed: tuple[str, ...] | None
    sums: dict[str, Sums] = field(default_factory=lambda: {stage: Sums() for stage in STAGES})
    diagnoses: dict[str, Diagnosis] = field(default_factory=lambda: {stage: Diagnosis() for stage in TENSORS})
    shapes: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    jpeg: bool = True
    logits: list[tuple[Array, Array]] = field(default_factory=list)
    indices: list[tuple[int, int]] = field(default_factory=list)
    labels: list[tuple[str, str | None]] = field(default_factory=list)

    def add(self, walk: Walk, path: Path) -> None:
        """Take in one image's faults."""
        for fault in walk.faults:
            if fault.made is None:
                self.refused += 1
            elif fault.stage in TENSORS:
                self._add_pixels(fault.stage, fault.made, walk, path)
            else:
                self._add_answer(fault, walk)

    def _add_pixels(self, stage: str, made: Array, walk: Walk, path: Path) -> None:
        expected = walk.reference.arrays[stage]
        if made.shape != expected.shape:
            self.shapes.setdefault(stage, f"makes {_size(made)} where the reference makes {_size(expected)}, of {path.name} for one")
        self.sums[stage].add(made, expected, None)
        if stage == "decode":
            with path.open("rb") as file:
                self.jpeg = file.read(2) == JPEG and self.jpeg
        if self.diagnoses[stage].images < DIAGNOSED and made.ndim == expected.ndim == 3 and made.size:
            self.diagnoses[stage].add(Case(stage, path, self.spec, walk.reference.arrays, made, walk.reference.orientation))

    def _add_answer(self, fault: Fault, walk: Walk) -> None:
        assert fault.made is not None
        if fault.stage == "logits":
            expected = walk.reference.arrays["logits"]
            self.sums["logits"].add(fault.made, expected, self.tolerance)
            if len(self.logits) < KEPT and fault.made.shape == expected.shape:
                self.logits.append((expected, fault.made))
        elif fault.stage == "top-1":
            self.indices.append((walk.own_index, int(fault.made)))
        else:
            self.labels.append((walk.own_name, str(fault.made)))

    def found(self, tally: Tally) -> tuple[StageFault, ...]:
        """Every stage at fault, worst first."""
        faults = [
            StageFault(
                stage, made.images, made.alone, tally.effect(stage) if stage in (*TENSORS, "logits") else None, made.flips,
                self._seen(stage, tally.images), self._causes(stage),
            )
            for stage, made in tally.made.items()
        ]  # fmt: skip
        return verdict.rank(faults, tally.flips)

    def _causes(self, stage: str) -> tuple[Cause, ...]:
        if stage in TENSORS:
            return self.diagnoses[stage].causes()
        if stage == "logits":
            if not self.logits:
                return ()
            expected, made = (np.stack([pair[side] for pair in self.logits]).astype(np.float64) for side in (0, 1))
            return causes_answer.logits(expected, made, self.tolerance)[:3]
        if stage == "top-1":
            return causes_answer.index(*zip(*self.indices, strict=True))
        expected_names, made_names = zip(*self.labels, strict=True)
        return causes_answer.names(expected_names, made_names, self.listed, self.theirs)

    def _seen(self, stage: str, images: int) -> str:
        sums = self.sums[stage]
        if stage == "decode" and self.refused:
            refused = f"{self.refused} of {images} images are refused"
            return f"{refused}; {self._numbers(stage)}" if sums.images else refused
        if stage in (*TENSORS, "logits"):
            return self._numbers(stage)
        if stage == "top-1":
            return f"it is not the index of the largest logit, but {self.indices[0][1]} where that is {self.indices[0][0]}"
        return f"'{self.labels[0][0]}' is called '{self.labels[0][1]}'"

    def _numbers(self, stage: str) -> str:
        if stage in self.shapes:
            return self.shapes[stage]
        sums = self.sums[stage]
        return verdict.seen(stage, sums.most, sums.differing / sums.values if sums.values else 0.0, self.jpeg)


def _size(array: Array) -> str:
    return " x ".join(str(side) for side in array.shape)
