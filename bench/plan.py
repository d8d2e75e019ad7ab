"""What a run is going to do, said before it does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bench.measure.again import Scenarios
from bench.stats import images_needed
from bench.subject import Subject
from contract import artifact
from contract.matrix import Cell, Hole, Matrix

# Tensors are the largest thing that a run keeps on disk: those of each part until it ends, and once more while they travel.
BYTES_PER_IMAGE = 3 * 224 * 224 * 4
# What a part without a bound is expected to take: the progress display needs a number.
UNBOUNDED_SECONDS = 60.0


@dataclass(frozen=True)
class Part:
    """One subject on one provider, with its cells and holes."""

    subject: Subject
    provider: str
    cells: tuple[Cell, ...]
    holes: tuple[Hole, ...]

    @property
    def name(self) -> str:
        """dataset/backbone on provider."""
        return f"{self.subject.name} on {self.provider}"

    def scenarios(self, matrix: Matrix, without: frozenset[Cell] = frozenset()) -> Scenarios:
        """Its cells with their files, by scenario."""
        cells = [cell for cell in self.cells if cell not in without]
        return [
            (
                scenario,
                [(cell, self.subject.model(cell.variant)) for cell in cells if (cell.scenario, cell.batch) == (scenario.name, batch)],
            )
            for scenario in matrix.chosen("scenario")
            for batch in scenario.batches
        ]


@dataclass(frozen=True)
class Plan:
    """All parts, and what they may cost."""

    parts: tuple[Part, ...]
    images: int
    parity_seconds: float
    measure_seconds: float
    disk_bytes: int

    @property
    def seconds(self) -> float:
        """Upper bound of what is expected."""
        return self.parity_seconds + self.measure_seconds


def make(subjects: list[Subject], matrix: Matrix, providers: tuple[str, ...], *, measuring: bool) -> Plan:
    """The plan of a run over these subjects."""
    parts = []
    for subject in subjects:
        for provider in providers:
            cells, holes = matrix.cells(subject.train.dataset, subject.train.backbone, (provider,))
            absent = [Hole(cell, why) for cell in cells if (why := subject.missing(cell)) is not None]
            there = tuple(cell for cell in cells if subject.missing(cell) is None)
            parts.append(Part(subject, provider, there if measuring else (), (*holes, *absent) if measuring else ()))
    counts = [min(most_images(matrix, part.subject), len(part.subject.distinct)) for part in parts]
    return Plan(
        parts=tuple(parts),
        images=max(counts, default=0),
        parity_seconds=sum(parity_seconds(matrix, part.subject) for part in parts),
        measure_seconds=matrix.measure.seconds if measuring else 0.0,
        disk_bytes=BYTES_PER_IMAGE * (sum(counts) + max(counts, default=0)),
    )


def claims_of(plan: Plan, matrix: Matrix) -> list[str]:
    """A line for each stated claim: as many images as it needs are compared, whatever they cost."""
    names = dict.fromkeys(part.subject.train.backbone for part in plan.parts)
    stated = {name: claim for name in names if (claim := matrix.parity.claim_for(name)) is not None}
    return [f"      claim for {name}: {claim}, which needs {images_needed(claim)} images" for name, claim in stated.items()]


def parity_seconds(matrix: Matrix, subject: Subject) -> float:
    """What comparing a subject is expected to take, before a runner was asked."""
    return matrix.parity.seconds_for(subject.train.backbone) or UNBOUNDED_SECONDS


def most_images(matrix: Matrix, subject: Subject) -> int:
    """At most so many images are compared: what was asked for, or what a stated claim needs."""
    claim = matrix.parity.claim_for(subject.train.backbone)
    return max(matrix.parity.images, 0 if claim is None else images_needed(claim))


def show(plan: Plan, matrix: Matrix, work: Path, forecasts: Sequence[str], old: str | None = None) -> None:
    """Print the plan to stderr. Raises EnvironmentFault when the disk of the temporary folder `work` is too small for it."""
    artifact.need_disk(work, plan.disk_bytes, "free some space, compare fewer images (--images), or set TMPDIR to a folder on another disk")
    cells, holes = sum(len(part.cells) for part in plan.parts), sum(len(part.holes) for part in plan.parts)
    chosen = matrix.defaults
    subjects = [part.subject for part in plan.parts]
    asked = [(each.train.backbone, runtime) for each in subjects for runtime in each.candidates(chosen.runtime, chosen.reference)]
    rows = sum(len(matrix.forms(*pair)) for pair in asked)
    bound = f"within about {plan.parity_seconds:.0f} s" if matrix.parity.seconds else "however long it takes"
    lines = [
        f"plan: parity of {rows} variants x runtimes, up to {plan.images} images each, {bound}",
        *claims_of(plan, matrix),
        f"      measuring {cells} cells ({holes} holes) in about {plan.measure_seconds:.0f} s"
        if plan.measure_seconds
        else "      no measuring",
        *([] if old is None else [f"      gate: the files of {old}, beside today's, at most {100 * matrix.measure.threshold:g} % slower"]),
        f"      up to {plan.disk_bytes / 1e9:.1f} GB of disk, in {work.parent}",
        *[f"      {part.name}: {part.subject.folder.name}, {len(part.cells)} cells" for part in plan.parts],
        *[f"      {line}" for line in forecasts],
    ]
    say(lines)


def say(lines: Iterable[str]) -> None:
    """Print lines to stderr."""
    console = Console(stderr=True)
    for line in lines:
        console.print(Text(line), soft_wrap=True)
