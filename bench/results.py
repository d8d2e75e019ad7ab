"""results.json: everything a run found, as frozen dataclasses. Every table is made from it and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bench.blame.found import ModelBlame
from bench.ledger.found import Blame, StageReport
from contract import strict
from contract.manifest import Accuracy, WeightsHad
from contract.matrix import Cell, Hole
from contract.protocol import Option, Receipt

FORMAT = 2
ScenarioKind = Literal["latency", "throughput", "load", "e2e"]
# The checks of the gate: the file that was loaded, its class names, the bytes of its weights, labels end to end, preprocessed tensors,
# logits on the same tensor, other batches, bits between runtimes; `answers`: there was none that could be compared.
Check = Literal["file", "classes", "weights", "labels", "tensors", "logits", "batches", "bits", "answers"]
Verdict = Literal["faster", "slower", "equivalent", "inconclusive"]


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
    """One backbone on one data set, as trained: what all its numbers are about."""

    dataset: str
    backbone: str
    config: str
    classes: int
    weights: WeightsHad | None
    recipe: str
    test: Accuracy | None
    notes: tuple[str, ...]
    variants: tuple[VariantSummary, ...]


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
    and in another order. `checks`: those that found a problem. `drop` is None where nothing was judged, `claim` where none was stated,
    too.
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
class Block:
    """Consecutive samples of one cell in one process: `process` counts restarts, `round` the palindromic rounds.

    `idle_ns`: CPU time that the frozen runners used meanwhile. `disturbed`: the cause for which the whole round does not count.
    """

    process: int
    round: int
    half: Literal[0, 1]
    samples_ns: tuple[int, ...]
    idle_ns: int
    disturbed: str | None


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """One cell: raw samples, and what may be said of them.

    `middle_ns` is the median; `median_ns` has its interval and is None for fewer than 6 samples. `percentiles_ns`: by percent, None where
    there are too few samples. `alpha_share`: what the look that ended this cell's measuring may spend of alpha. Disturbed blocks are kept,
    and count in no number.
    """

    cell: Cell
    error: str | None
    blocks: tuple[Block, ...]
    options: dict[str, Option]
    samples: int
    middle_ns: float | None
    median_ns: Interval | None
    percentiles_ns: dict[str, float | None]
    images_per_second: Interval | None
    split_ns: dict[str, float]
    kind: ScenarioKind
    alpha_share: float


@dataclass(frozen=True)
class Contrast:
    """Two cells compared: `ratio` is time of `cell` over time of `base`, below 1 is faster.

    `p`: of "the ratio is 1", by itself; `family_p`: after Holm's correction for all contrasts of the run. `mde`: the smallest slow-down, as
    a share, that a test at 1 % finds with a power of 95 % on processes that scatter as these did.
    """

    cell: Cell
    base: Cell
    factor: Literal["runtime", "variant"]
    ratio: Interval | None
    p: float
    family_p: float
    mde: float | None
    verdict: Verdict | None
    processes: int
    rounds: int
    not_comparable: str | None
    same_graph: bool


@dataclass(frozen=True)
class Control:
    """Two files with the same graph in one runtime, timed as if they were two programs: whatever they seem to differ by is noise.

    `different`: whether they were called so, at 1 %; None where there were too few processes to call anything.
    """

    cell: Cell
    other: Cell
    ratio: Interval | None
    p: float
    different: bool | None


@dataclass(frozen=True)
class Noise:
    """How wrong this run's measuring was, by its own controls.

    `alarms` of `controls` pairs of equal programs were called different; `bound`: one-sided exact upper bound on that rate, at 95 %.
    `mde`: median over the contrasts. `disturbed` of `rounds` did not count. `frozen_share`: CPU time of the frozen runners as a share of
    the time that the others were measured.
    """

    controls: tuple[Control, ...]
    alarms: int
    judged: int
    bound: float | None
    mde: float | None
    rounds: int
    disturbed: dict[str, int]
    frozen_share: float


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
    cells: tuple[Measured, ...]
    contrasts: tuple[Contrast, ...]
    noise: Noise | None
    holes: tuple[Hole, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    equivalent: float
    times: tuple[StepTime, ...]
    peak_bytes: dict[str, int]
    exit_code: int
    format: int = FORMAT
