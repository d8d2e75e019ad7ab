"""The plan before, and the results after, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contract import strict
from contract.manifest import TrainManifest
from contract.matrix import Backbone, Matrix
from train.costs import Cost
from train.fit.fitting import parts_of
from train.jobs import NOT_TRAINED, Planned
from train.weights.names import RANDOM


def print_asked(matrix: Matrix, on: str, checkpoint: Path | None, console: Console) -> None:
    """What matrix.toml and the options say, before the first download and the first image."""
    table = Table(title="asked: train", title_justify="left", box=None, pad_edge=False)
    for column in ("data sets", "backbone", "weights", "recipe", "device"):
        table.add_column(column, overflow="fold")
    for backbone in matrix.chosen("backbone"):
        weights = ", ".join(backbone.weights) if checkpoint is None else checkpoint.name
        table.add_row(", ".join(matrix.defaults.dataset), backbone.name, escape(weights), _recipes(backbone, on, checkpoint), on)
    console.print(table, no_wrap=True)
    console.print("the plan follows when weights and images are read")


def _recipes(backbone: Backbone, on: str, checkpoint: Path | None) -> str:
    """The recipes that may be taken: which one, the weights that can be had decide."""
    if checkpoint is not None:
        return NOT_TRAINED
    kinds = dict.fromkeys(each == RANDOM for each in backbone.weights)
    keys = [f"random-{on}" if random and f"random-{on}" in backbone.recipe else on for random in kinds]
    return " or ".join(dict.fromkeys(backbone.recipe.get(key, f"none for {key}") for key in keys))


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
