"""What a trial of the gate tries, and what it has found so far."""

from __future__ import annotations

from dataclasses import dataclass

from bench.faults.every import FAULTS
from bench.faults.trial import Outcome
from bench.ground import Ground
from bench.resume import FORMAT
from contract import strict

RIGHTLY_BLAMED = 0.95


@dataclass(frozen=True)
class Plan:
    """What decides what each trial is, beside the ground that it stands on: the settings of matrix.toml and the command line.

    Faults are put into `runtime`, clean runs are of all `others`. `test_images`: hash of those that the images are drawn from. `batches`:
    sizes that answers are asked in. `faults`: doses by name, in the order in which they are tried.
    """

    subject: str
    variant: str
    runtime: str
    images: int
    others: tuple[str, ...]
    reference: str
    seed: int
    test_images: str
    batches: tuple[int, ...]
    tolerance_factor: float
    claim: str | None
    stages: bool
    clean: int
    faults: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Verdict:
    """Everything that was tried so far. `false_alarms`: what the gate said in clean runs."""

    plan: Plan
    ground: Ground
    clean_runs: int
    false_alarms: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    format: int = FORMAT

    def __post_init__(self) -> None:
        stranger = next((each.fault for each in self.outcomes if each.fault not in self.plan.faults), None)
        if stranger is not None:
            raise strict.StrictError(f"'{stranger}' was tried, and is no fault of the plan")

    def left(self, fault: str) -> tuple[float, ...]:
        """The doses of a fault that are still to be tried: what was not seen at one is not looked for at a weaker one."""
        tried = [outcome for outcome in self.outcomes if outcome.fault == fault]
        return self.plan.faults[fault][len(tried) :] if all(outcome.caught for outcome in tried) else ()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be tried."""
        return self.clean_runs >= self.plan.clean and not any(map(self.left, self.plan.faults))

    def strongest(self) -> list[Outcome]:
        """Each fault at its strongest dose."""
        first: dict[str, Outcome] = {}
        for outcome in self.outcomes:
            first.setdefault(outcome.fault, outcome)
        return list(first.values())

    @property
    def caught(self) -> int:
        """Faults that were caught at their strongest dose."""
        return sum(bool(each.caught) for each in self.strongest())

    @property
    def blamed(self) -> int:
        """Faults whose stage was named."""
        return sum(each.blamed == FAULTS[each.fault].stage for each in self.strongest())

    @property
    def good(self) -> bool:
        """All caught, enough blamed rightly, no false alarm."""
        tried = len(self.strongest())
        return self.caught == tried and self.blamed >= RIGHTLY_BLAMED * tried and not self.false_alarms
