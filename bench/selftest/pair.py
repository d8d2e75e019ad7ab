"""One live comparison: two runners of ort-python on one file, the second slowed by a known share, judged as the bench judges its cells."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.fleet import Fleet
from bench.measure.campaign import Site, measure
from bench.measure.contrasts import contrast_all
from bench.measure.group import Inputs
from bench.measure.polish import Polished
from bench.progress import Progress
from bench.results import Contrast
from bench.runner import RunnerError
from bench.runtimes import Descriptor, find
from bench.subject import Subject
from contract.errors import UsageError
from contract.matrix import Cell, Measure, Scenario

BASE, OTHER = "ort-python", "ort-python-copy"
# Of one subject, the first that was exported: --quick makes dynamic ones only.
VARIANTS = ("raw-static", "raw-dynamic")
LATENCY = Scenario("latency", "latency")
IMAGES = 8


@dataclass(frozen=True)
class Compared:
    """What one comparison said. `logs`: log ratios of the slowed runner to the other, by generation of processes."""

    slowdown: float
    seconds: float
    contrast: Contrast
    logs: tuple[float, ...]


def variant_of(subject: Subject) -> str:
    """The variant that is timed against itself. Raises UsageError where none of them was exported."""
    there = next((name for name in VARIANTS if subject.model_exists(name)), None)
    if there is None:
        raise UsageError(
            f"neither {' nor '.join(VARIANTS)} was exported", where=subject.name, next=f"nox -s export -- --variant {VARIANTS[0]}"
        )
    return there


def slowed(share: float) -> Descriptor:
    """ort-python's own runner with a busy-wait after each timed forward."""
    real = find(BASE)
    return Descriptor(BASE, lambda _: [sys.executable, "-m", "infer_py", "slowed", f"{100 * share:g}"], real.source)


def inputs(folder: Path, shape: tuple[int, ...], seed: int) -> Inputs:
    """Seeded noise of the model's input shape: dense convolutions take the same time for every image."""
    tensor = folder / "selftest.npy"
    np.save(tensor, np.random.default_rng(seed).standard_normal((IMAGES, *shape)).astype(np.float32))
    return Inputs((), tensor, None, 0.0)


def compare(model: Path, about: Cell, given: Inputs, share: float, settings: Measure, fleet: Fleet, seed: int, work: Path) -> Compared:
    """Time the pair for `settings.seconds`. Raises RunnerError when one fails: nothing was compared then."""
    fleet.instead[OTHER] = slowed(share)
    cells = [Cell(about.dataset, about.backbone, about.variant, name, "cpu", "latency", 1) for name in (BASE, OTHER)]
    site = Site(f"{about.backbone} slowed by {share:.0%}", [(LATENCY, [(cell, model) for cell in cells])], given)
    (found,) = measure([site], fleet, settings, seed, work, Progress(settings.seconds, quiet=True))
    broken = next((cell.error for cell in found.cells if cell.error), None) or next((hole.why for hole in found.holes), None)
    if broken is not None:
        raise RunnerError(f"a comparison failed: {broken}", where=site.name, next="nox -s doctor")
    (contrast,) = contrast_all(found.cells, fleet.receipts, {}, settings.equivalent)
    one, base = sorted(found.cells, key=lambda cell: cell.cell.runtime, reverse=True)
    polished = Polished({one.cell: one.blocks, base.cell: base.blocks})
    return Compared(share, settings.seconds, contrast, tuple(each.log for each in polished.ratios(one.cell, base.cell)))
