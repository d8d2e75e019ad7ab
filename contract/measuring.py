"""The runner protocol's messages of `time` and `profile`. Others import them from contract.protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contract import strict

Scenario = Literal["latency", "throughput", "e2e", "load"]


@dataclass(frozen=True)
class TimeArgs:
    """Take samples of a scenario; the runner times itself."""

    id: str
    scenario: Scenario
    images: tuple[str, ...] | None
    tensor: str | None
    batch: int
    warmup: int
    samples: int
    max_ns: int | None
    split: bool

    def __post_init__(self) -> None:
        needed = {"latency": "tensor", "throughput": "tensor", "e2e": "images", "load": None}[self.scenario]
        given = [name for name in ("images", "tensor") if getattr(self, name) is not None]
        if given != ([needed] if needed else []):
            raise strict.StrictError(f"{self.scenario} needs {needed or 'no inputs'}, got {' and '.join(given) or 'none'}")
        strict.at_least(1, batch=self.batch, samples=self.samples)
        strict.at_least(0, warmup=self.warmup, max_ns=self.max_ns or 0)


@dataclass(frozen=True)
class Timed:
    """Nanoseconds per sample, with the crc32 of each sample's logits (0 for `load`)."""

    samples: tuple[int, ...]
    crc32: tuple[int, ...]
    split: dict[str, tuple[int, ...]] | None


@dataclass(frozen=True)
class ProfileArgs:
    """Time per operator, over so many forwards of the first `batch` images, after one that is left out."""

    id: str
    tensor: str
    batch: int
    repeats: int

    def __post_init__(self) -> None:
        strict.at_least(1, batch=self.batch, repeats=self.repeats)


@dataclass(frozen=True)
class OperatorTime:
    """Summed over the repeats."""

    op: str
    calls: int
    ns: int


@dataclass(frozen=True)
class NodeTime:
    """Summed over the repeats."""

    name: str
    op: str
    ns: int


@dataclass(frozen=True)
class Profiled:
    """Longest first. `wall_ns`: the recorded forwards together, by the clock of `time`: the cost of recording is in it."""

    operators: tuple[OperatorTime, ...]
    nodes: tuple[NodeTime, ...]
    wall_ns: int
