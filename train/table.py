"""The plan before, and the results after, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from contract import strict
from contract.manifest import TrainManifest
from train.costs import Cost
from train.fit.fitting import parts_of
from train.jobs import Planned


def print_plan(planned: Sequence[Planned], costs: Sequence[Cost], console: Console) -> None:
    """What will be done, and what it will take."""
    table = Table(title="plan: train", title_justify="left", box=None, pad_edge=False)
    for column in ("data set", "backbone", "weights", "recipe", "train/val/test", "device", "expected", "disk"):
        table.add_column(column, justify="right" if column in {"expected", "disk"} else "left", overflow="fold")
    for item, cost in zip(planned, costs, strict=True):
        job = item.job
        used = parts_of(job)
        images = "/".join(str(len(used[name])) for name in ("train", "val", "test"))
        expected = "current" if item.current else "unknown" if cost.seconds is None else f"{cost.seconds:.0f} s"
        disk = "-" if item.current else f"{cost.bytes / 1e6:.0f} MB"
        table.add_row(job.data.name, job.backbone, job.source.had.had, job.recipe.name, images, job.device, expected, disk)
    console.print(table, no_wrap=True)


def print_results(made: Sequence[TrainManifest], console: Console) -> None:
    """Accuracy of each backbone with its Wilson interval."""
    table = Table(title="trained", title_justify="left", box=None, pad_edge=False)
    for column in ("data set", "backbone", "weights", "recipe", "test accuracy (95 %)", "seconds", "note"):
        table.add_column(column, justify="right" if column == "seconds" else "left", overflow="fold")
    for item in made:
        test = item.metrics["test"]
        shown = f"{test.correct / test.total:.1%} ({test.low:.1%} to {test.high:.1%}, {test.total} images)"
        note = "nothing to compare" if item.distinct_predictions == 1 else ""
        table.add_row(item.dataset, item.backbone, item.weights.had, str(item.recipe["name"]), shown, f"{item.seconds:.0f}", note)
    console.print(table, no_wrap=True)


def as_json(made: Sequence[TrainManifest]) -> str:
    """The same for programs: the manifests without their lists of images."""
    return strict.pretty([{key: value for key, value in strict.plain(item).items() if key != "split"} for item in made])
