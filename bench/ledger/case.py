"""What a diagnosis looks at: one image in one stage, what went in, what should have come out, and what did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.ledger.stages import Array
from contract.preprocess import PreprocessSpec


@dataclass(frozen=True)
class Case:
    """`reference`: its arrays of all stages; `made`: the candidate's output of `stage` from the reference's input.

    `orientation`: what the file's EXIF says, 1-8, or None.
    """

    stage: str
    path: Path
    spec: PreprocessSpec
    reference: Mapping[str, Array]
    made: Array
    orientation: int | None

    @property
    def expected(self) -> Array:
        """The reference's output of the stage."""
        return self.reference[self.stage]


class Guess(NamedTuple):
    """A known fault applied to the reference's input; `fitted`: points of doubt for numbers fitted to what came out."""

    name: str
    array: Array
    fitted: int = 0
