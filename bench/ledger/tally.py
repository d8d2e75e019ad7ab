"""Sums over images, one at a time: how far each stage differs, and how much of the effect each fault makes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from bench.ledger.found import StageDifference
from bench.ledger.stages import ARRAYS, STAGES, Array
from bench.ledger.walk import Fault, Walk
from bench.parity.compare import same_bits

# Values that are compared at once: bounds the memory for an image of many megapixels.
BLOCK = 1 << 20


@dataclass
class Sums:
    """One stage end to end, over the images so far."""

    images: int = 0
    equal: int = 0
    most: float = 0.0
    differing: int = 0
    values: int = 0
    other_shape: int = 0

    def add(self, ours: Array | None, theirs: Array, tolerance: float | None) -> None:
        """One image's arrays; `tolerance` makes small differences equal (None: to the last bit)."""
        self.images += 1
        if ours is None or ours.shape != theirs.shape:
            self.other_shape += 1
            return
        self.values += theirs.size
        if same_bits(ours, theirs):
            self.equal += 1
            return
        most, parts = 0.0, max(1, ours.size // BLOCK)
        for mine, other in zip(np.array_split(ours, parts), np.array_split(theirs, parts), strict=True):
            apart = np.abs(mine.astype(np.float64) - other)
            # A NaN counts as differing, and as the largest difference that there is.
            most = max(most, float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0)))
            self.differing += int(np.count_nonzero(mine != other if tolerance is None else ~(apart <= tolerance)))
        self.most = max(self.most, min(most, float(np.finfo(np.float64).max)))  # JSON has no infinity
        self.equal += tolerance is not None and most <= tolerance


@dataclass
class Made:
    """One stage's own faults, over the images so far."""

    images: int = 0
    alone: int = 0
    flips: int = 0
    effect: float = 0.0
    known: bool = False


@dataclass
class Tally:
    """All sums of one ledger; its size does not grow with the images."""

    tolerance: float
    images: int = 0
    flips: int = 0
    total: float = 0.0
    sums: dict[str, Sums] = field(default_factory=lambda: {stage: Sums() for stage in STAGES})
    made: dict[str, Made] = field(default_factory=lambda: defaultdict(Made))

    def add(self, walk: Walk) -> None:
        """Count one image."""
        self.images += 1
        self.flips += walk.flip
        for stage in STAGES:
            sums, ours, theirs = self.sums[stage], walk.candidate, walk.reference
            if stage in ARRAYS:
                made = ours.arrays[stage] if ours is not None else None
                sums.add(made, theirs.arrays[stage], self.tolerance if stage == "logits" else None)
            else:
                sums.images += 1
                sums.equal += ours is not None and (ours.top1 == theirs.top1 if stage == "top-1" else ours.label == theirs.label)
        if walk.total is not None:
            self.total += float(walk.total @ walk.total)
        for fault in walk.faults:
            self._add_fault(fault, walk)

    def _add_fault(self, fault: Fault, walk: Walk) -> None:
        made = self.made[fault.stage]
        made.images += 1
        made.alone += len(walk.faults) == 1
        made.flips += fault.flip
        if fault.effect is not None and walk.total is not None:
            made.known = True
            # The projection on the whole difference: such parts sum to it exactly, whatever their directions.
            made.effect += float(fault.effect @ walk.total)

    def effect(self, stage: str) -> float | None:
        """A stage's part of the squared difference of the logits, or None where it has none that could be said."""
        made = self.made[stage]
        if not made.known or not 0 < self.total < np.inf or not np.isfinite(made.effect):
            return None
        return made.effect / self.total

    def differences(self) -> tuple[StageDifference, ...]:
        """The ledger's rows, in the order of the stages."""
        return tuple(
            StageDifference(
                stage, sums.images, sums.equal, sums.most if stage in ARRAYS else None,
                (sums.differing / sums.values if sums.values else 0.0) if stage in ARRAYS else None, sums.other_shape,
            )
            for stage, sums in self.sums.items()
        )  # fmt: skip
