"""python -m bench preprocess-speed: nanoseconds from a JPEG file to the tensor, in all three runtimes, taken in turns."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.fleet import Fleet
from bench.subject import open_subject
from contract.layout import CHECKOUT
from contract.options import Options, asked, select
from contract.protocol import LoadArgs, TimeArgs

IMAGES = CHECKOUT / "infer_rs" / "benches" / "data"
SIZES = ("224x224", "640x480", "1000x667")
RUNTIMES = {"torch-eager": "eager", "ort-python": "raw-dynamic", "ort-rust": "raw-dynamic"}
STAGES = ("decode", "resize", "normalise")
# Short blocks in many rounds: what else the machine does falls on all runtimes alike.
ROUNDS, SAMPLES, WARMUP = 9, 12, 3
SECONDS = 300.0


@dataclass(frozen=True)
class Speed:
    """Of one runtime and image: nanoseconds of each round, the median of its samples; and of each stage, over all samples."""

    rounds: tuple[float, ...]
    stages: dict[str, float]


def main(options: Options) -> int:
    """Measure and print. Raises DataError where nothing is trained and exported yet, EnvironmentFault where a runtime is missing."""
    matrix = select(options)
    subject = open_subject(asked(options, matrix, matrix.defaults.dataset[0], matrix.defaults.backbone[0]), options.artifacts)
    print(f"preprocessing as {subject.name} wants it; {ROUNDS} rounds of {SAMPLES} samples", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="concord-") as work, Fleet(tuple(RUNTIMES), 1, Path(work)) as fleet:
        loaded = {
            name: fleet.only(name).load(LoadArgs(str(subject.model(variant)), "cpu", fleet.options)).id
            for name, variant in RUNTIMES.items()
        }
        for size in SIZES:
            print(table(size, measured(fleet, loaded, IMAGES / f"{size}.jpg")))
    return 0


def measured(fleet: Fleet, loaded: dict[str, str], image: Path) -> dict[str, Speed]:
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
    return {name: Speed(tuple(rounds[name]), {stage: median(parts[name][stage]) for stage in STAGES}) for name in RUNTIMES}


def table(size: str, speeds: dict[str, Speed]) -> str:
    """A line a runtime: milliseconds, and how many times as long as Rust, the median over rounds with their extremes."""
    lines = [f"{size:<14}{'in all':>9}" + "".join(f"{stage:>11}" for stage in STAGES) + "   times as long as ort-rust"]
    for name, speed in speeds.items():
        ratios = [one / other for one, other in zip(speed.rounds, speeds["ort-rust"].rounds, strict=True)]
        stages = "".join(f"{speed.stages[stage] / 1e6:>8.2f} ms" for stage in STAGES)
        compared = f"   {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name != "ort-rust" else ""
        lines.append(f"  {name:<12}{median(speed.rounds) / 1e6:>6.2f} ms{stages}{compared}")
    return "\n".join(lines)
