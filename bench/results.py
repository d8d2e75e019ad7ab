"""results.json: everything a run found, as frozen dataclasses. Every table is made from it and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from bench.blame.found import ModelBlame
from bench.ledger.found import Blame, StageReport
from bench.looked import Confused, Confusion, Epoch, Said, Sample
from bench.timed import Block, Contrast, Control, Gate, GateRow, Interval, Measured, Noise, OldFile, ScenarioKind, Verdict
from contract import strict
from contract.manifest import Accuracy, WeightsHad
from contract.matrix import Hole
from contract.protocol import Receipt

__all__ = [
    "FORMAT", "Block", "Check", "ClaimJudged", "Confused", "Confusion", "Contrast", "Control", "Environment", "Epoch", "Gate",
    "GateRow", "ImageVerdict", "Interval", "Measured", "Noise", "NoiseFloor", "OldFile", "PairedDrop", "ParityRow", "Results", "Said",
    "Sample", "ScenarioKind", "StepTime", "Subject", "VariantSummary", "Verdict",
]  # fmt: skip

INTERRUPTED = "interrupted: what follows is what was found until then"
FORMAT = 6
# The checks of the gate: the file that was loaded, its class names, the bytes of its weights, labels end to end, preprocessed tensors,
# logits on the same tensor, the runtime's own index of the largest, other batches, bits between runtimes; `answers`: there was none that
# could be compared.
Check = Literal["file", "classes", "weights", "labels", "tensors", "logits", "top-1", "batches", "bits", "answers"]


@dataclass(frozen=True)
class Environment:
    """The machine that was measured on, without its name."""

    cpu: str
    cpu_flags: tuple[str, ...]
    threads: int
    memory_bytes: int | None
    cgroup_cpus: float | None
    gpu: str | None
    system: str
    python: str
    packages: dict[str, str]
    commit: str | None
    dirty: bool | None
    load_average: float | None


@dataclass(frozen=True)
class VariantSummary:
    """What export did to one variant."""

    name: str
    sha256: str
    bytes: int
    nodes: int
    nodes_before: int
    structural_hash: str
    changed_nothing: bool
    opset: int


@dataclass(frozen=True)
class Subject:
    """One backbone on one data set, as trained: what all its numbers are about.

    `history`: its epochs, none where it was not trained here. `reference`: what it is compared with, in words.
    """

    dataset: str
    backbone: str
    config: str
    classes: int
    weights: WeightsHad | None
    recipe: str
    test: Accuracy | None
    notes: tuple[str, ...]
    variants: tuple[VariantSummary, ...]
    history: tuple[Epoch, ...] = ()
    reference: str = "PyTorch eager"


@dataclass(frozen=True)
class ImageVerdict:
    """An image on which a runtime does not say what the reference says."""

    path: str
    verdict: Literal["flip", "near-tie flip"]
    reference_label: str
    label: str
    margin: float
    max_difference: float


@dataclass(frozen=True)
class PairedDrop:
    """Accuracy of a runtime against the reference's on the same images.

    `lost`: images that the reference gets right and the runtime wrong; `gained`: the other way round. `drop`: (lost - gained) / N.
    `bound`: one-sided upper bound, at 95 %, on the drop.
    """

    lost: int
    gained: int
    drop: float
    bound: float


@dataclass(frozen=True)
class ClaimJudged:
    """A stated claim, the upper bound that these images give for its share, and the images that it needs when none speaks against it."""

    claim: str
    bound: float
    needed: int
    supported: bool


@dataclass(frozen=True)
class ParityRow:
    """One variant in one runtime against the reference, over N images, the runtime's own preprocessing included.

    `tensors_equal`: images whose normalised tensor equals the reference's to the last bit. `bound`: one-sided exact upper bound, at 95 %,
    on the share of images that differ. `batches`: largest move of a logit when the same tensors are asked in batches of this size
    and in another order. `made`: the checks that were made (what the weights of a foreign file must be, no checkpoint says), `checks`:
    those of them that found a problem. `drop` is None where nothing was judged, `claim` where none was stated, too.
    """

    dataset: str
    backbone: str
    variant: str
    runtime: str
    provider: str
    images: int
    certified: int
    agree: int
    near_tie_flips: int
    flips: int
    tensors_equal: int
    max_difference: float
    max_difference_same_tensor: float
    tolerance: float
    bound: float
    accuracy: Accuracy | None
    reference_accuracy: Accuracy | None
    drop: PairedDrop | None
    claim: ClaimJudged | None
    batches: dict[str, float]
    bits_equal_to: dict[str, int]
    problems: tuple[str, ...]
    made: tuple[Check, ...]
    checks: tuple[Check, ...]
    shown: tuple[ImageVerdict, ...]
    passed: bool
    judged: bool
    reproduce: str
    blame: Blame | None = field(default=None, metadata=strict.REQUIRED)
    model: ModelBlame | None = field(default=None, metadata=strict.REQUIRED)


@dataclass(frozen=True)
class NoiseFloor:
    """How the tolerance of one backbone came about: from its moves over batches, and against a referee (`against_float64`)."""

    backbone: str
    dataset: str
    provider: str
    over_batches: float
    against_float64: float
    factor: float
    tolerance: float
    images: int
    referee: str = "float64"


@dataclass(frozen=True)
class StepTime:
    """Seconds of one part of the run."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Results:
    """One run."""

    run: str
    started: str
    command: str
    quick: bool
    device: str
    seed: int
    environment: Environment
    receipts: dict[str, Receipt]
    subjects: tuple[Subject, ...]
    floors: tuple[NoiseFloor, ...]
    parity: tuple[ParityRow, ...]
    stages: tuple[StageReport, ...]
    confusions: tuple[Confusion, ...]
    samples: tuple[Sample, ...]
    cells: tuple[Measured, ...]
    contrasts: tuple[Contrast, ...]
    noise: Noise | None
    gate: Gate | None
    holes: tuple[Hole, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    equivalent: float
    times: tuple[StepTime, ...]
    peak_bytes: dict[str, int]
    exit_code: int
    format: int = FORMAT

    @cached_property
    def weights_had(self) -> dict[tuple[str, str], str]:
        """What each backbone of each data set started from, where that is known: every row of every table asks for it."""
        return {(each.dataset, each.backbone): each.weights.had for each in reversed(self.subjects) if each.weights is not None}

    @cached_property
    def datasets(self) -> frozenset[str]:
        """The data sets of its subjects."""
        return frozenset(each.dataset for each in self.subjects)
