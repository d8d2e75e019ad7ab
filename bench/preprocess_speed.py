"""python -m bench preprocess-speed: nanoseconds from a JPEG file to the tensor, in all three runtimes, taken in turns."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.fleet import Fleet
from bench.progress import Progress
from bench.subject import only_subject
from contract import strict
from contract.errors import GOOD
from contract.layout import CHECKOUT
from contract.options import Options, select
from contract.protocol import LoadArgs, TimeArgs

IMAGES = CHECKOUT / "infer_rs" / "benches" / "data"
SIZES = ("224x224", "640x480", "1000x667")
RUNTIMES = {"torch-eager": "eager", "ort-python": "raw-dynamic", "ort-rust": "raw-dynamic"}
STAGES = ("read", "decode", "resize", "normalise")
# Short blocks in many rounds: what else the machine does falls on all runtimes alike.
ROUNDS, SAMPLES, WARMUP = 9, 12, 3
SECONDS = 300.0
# What a round of all runtimes takes with ResNet18 on two cores: a forward belongs to each sample.
ROUND_SECONDS = 1.8


@dataclass(frozen=True)
class Speed:
    """Of one runtime and image: nanoseconds of each round, the median of its samples; and of each stage, over all samples."""

    rounds_ns: tuple[float, ...]
    stages_ns: dict[str, float]


@dataclass(frozen=True)
class Speeds:
    """Of all runtimes, by image size and runtime; `subject`: as which they were prepared."""

    subject: str
    samples: int
    sizes: dict[str, dict[str, Speed]]


def main(options: Options) -> int:
    """Measure and print; with --json the numbers as data, and the tables to stderr.

    Raises UsageError where several backbones are chosen, DataError where nothing is trained and exported yet, EnvironmentFault where a
    runtime is missing.
    """
    matrix = select(options)
    subject = only_subject(options, matrix, "images are prepared as one backbone wants it")
    print(f"preprocessing as {subject.name} wants it; {ROUNDS} rounds of {SAMPLES} samples", file=sys.stderr)
    sizes: dict[str, dict[str, Speed]] = {}
    with tempfile.TemporaryDirectory(prefix="concord-") as work, Fleet(tuple(RUNTIMES), 1, Path(work)) as fleet:
        loaded = {
            name: fleet.only(name).load(LoadArgs(str(subject.model(variant)), "cpu", fleet.options)).id
            for name, variant in RUNTIMES.items()
        }
        try:
            with Progress(len(SIZES) * ROUNDS * ROUND_SECONDS) as progress:
                for size in SIZES:
                    progress.part(f"{size}, all runtimes in turns")
                    sizes[size] = measured(fleet, loaded, IMAGES / f"{size}.jpg", progress)
        finally:  # also of what was measured before a Ctrl-C
            for size, speeds in sizes.items():
                print(table(size, speeds), file=sys.stderr if options.output_json else sys.stdout)
    if options.output_json:
        print(strict.pretty(Speeds(subject.name, SAMPLES, sizes)), end="")
    return GOOD


def measured(fleet: Fleet, loaded: dict[str, str], image: Path, progress: Progress) -> dict[str, Speed]:
    """All runtimes, one after the other in each round, the others frozen."""
    rounds: dict[str, list[float]] = {name: [] for name in RUNTIMES}
    parts: dict[str, dict[str, list[int]]] = {name: {stage: [] for stage in STAGES} for name in RUNTIMES}
    for _ in range(ROUNDS):
        for name in RUNTIMES:
            wanted = TimeArgs(loaded[name], "e2e", (str(image),), None, 1, WARMUP, SAMPLES, None, split=True)
            split = fleet.only(name).time(wanted, SECONDS).split or {}
            rounds[name].append(median(map(sum, zip(*(split[stage] for stage in STAGES), strict=True))))
            for stage in STAGES:
                parts[name][stage] += split[stage]
        progress.done(ROUND_SECONDS)
    return {name: Speed(tuple(rounds[name]), {stage: median(parts[name][stage]) for stage in STAGES}) for name in RUNTIMES}


def table(size: str, speeds: dict[str, Speed]) -> str:
    """A line a runtime: milliseconds, and how many times as long as Rust, the median over rounds with their extremes."""
    lines = [f"{size:<14}{'in all':>9}" + "".join(f"{stage:>11}" for stage in STAGES) + "   times as long as ort-rust"]
    for name, speed in speeds.items():
        ratios = [one / other for one, other in zip(speed.rounds_ns, speeds["ort-rust"].rounds_ns, strict=True)]
        stages = "".join(f"{speed.stages_ns[stage] / 1e6:>8.2f} ms" for stage in STAGES)
        compared = f"   {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name != "ort-rust" else ""
        lines.append(f"  {name:<12}{median(speed.rounds_ns) / 1e6:>6.2f} ms{stages}{compared}")
    return "\n".join(lines)
