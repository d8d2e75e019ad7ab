"""What the stage ledger found, as it stands in results.json."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Blame:
    """The stage that makes most of what a runtime does otherwise, and one sentence that says how."""

    stage: str
    said: str


@dataclass(frozen=True)
class StageDifference:
    """One stage of a runtime end to end against the reference's.

    `equal`: images equal to the last bit; of logits, within the tolerance. `max_difference` and `share` (of values that differ) are None
    for top-1 and label; `other_shape`: images whose arrays have another shape, which are in neither.
    """

    stage: str
    images: int
    equal: int
    max_difference: float | None
    share: float | None
    other_shape: int


@dataclass(frozen=True)
class Cause:
    """A known fault, and the share of a stage's squared difference that it explains; `exact`: images where it gives every value."""

    name: str
    explained: float
    exact: int
    images: int


@dataclass(frozen=True)
class StageFault:
    """A stage that makes a difference of its own: fed with the reference's input, it does not give the reference's output.

    `alone`: images where no other stage does. `effect`: its part of the squared difference of the logits (all parts sum to 1, up to what
    is within the tolerance; None where it cannot be said). `flips`: labels that it changes. `seen`: the difference in numbers or names.
    `causes`: best first.
    """

    stage: str
    images: int
    alone: int
    effect: float | None
    flips: int
    seen: str
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class StageReport:
    """The stage ledger of one variant in one runtime: `images` looked at, of which `flips` get another label; faults worst first."""

    dataset: str
    backbone: str
    variant: str
    runtime: str
    provider: str
    images: int
    flips: int
    stages: tuple[StageDifference, ...]
    faults: tuple[StageFault, ...]
    blame: Blame | None
    error: str | None
