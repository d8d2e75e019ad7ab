"""Drawings that a run gave nothing for: why, and the command that gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BENCH, PARITY, ALL = "nox -s bench", "nox -s parity", "nox -s train export bench"


@dataclass(frozen=True)
class Absent:
    """What is not drawn, what it takes, and the command that draws it."""

    name: str
    takes: str
    command: str


# In the order of charts.by_kind, and of page.Drawings.
ROWS = (
    Absent("latency with intervals", "latencies", f"{BENCH} -- --scenario latency"),
    Absent("latency ratios", "latencies in two runtimes or variants", f"{BENCH} -- --scenario latency"),
    Absent("where the time goes", "the scenario e2e", f"{BENCH} -- --scenario e2e"),
    Absent("noise of this machine", "equal programs, timed in some processes", BENCH),
)
CURVES = (
    Absent("throughput over batch sizes", "two batch sizes", f"{BENCH} -- --scenario curve"),
    Absent("accuracy against latency (Pareto)", "two backbones with a test accuracy", f"{ALL} -- --backbone resnet18 regnet_x_400mf"),
)
FIELDS = (
    Absent("checks of the gate", "a reference to compare with", PARITY),
    Absent("stage ledger", "a difference, or the option", f"{PARITY} -- --stages"),
    Absent("confusion matrix", "a reference, and images with labels", PARITY),
)
TRAINING = Absent("training curves", "a training of two epochs; with --checkpoint there is none", ALL)
IMAGES = Absent("sample grid", "a reference to compare with", PARITY)


def absent(rows: Iterable[object], curves: Iterable[object], fields: Iterable[object], trained: object, images: object) -> list[Absent]:
    """Of each kind of drawing that is empty, in the page's order."""
    kinds = (
        *zip(rows, ROWS, strict=True),
        *zip(curves, CURVES, strict=True),
        *zip(fields, FIELDS, strict=True),
        (trained, TRAINING),
        (images, IMAGES),
    )
    return [said for drawn, said in kinds if not drawn]
