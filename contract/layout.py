"""Where artifacts lie: artifacts/<dataset>/<backbone>/<config>/, found by what was asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contract import artifact, strict
from contract.errors import DataError
from contract.matrix import Backbone, Dataset, Recipe
from contract.weights import FILE

CHECKOUT = Path(__file__).resolve().parent.parent
# What makes a folder below reports/ a run, a self-test of the measuring, and a trial of the gate.
RESULTS, SELFTEST, FAULTS = "results.json", "selftest.json", "faults.json"


def short_hash(value: object) -> str:
    """8 hex digits over the canonical JSON of a value."""
    return artifact.sha256_bytes(strict.dumps(value).encode())[:8]


def portable(path: str, artifacts: Path) -> str:
    """A path in the checkout relative to it, where artifacts that lie in it, too, name it: a checkout that moves keeps them.

    Any other as it is; what several checkouts share has one meaning in all of them.
    """
    whole = Path(os.path.normpath(path)) if path else Path()
    inside = artifacts.is_relative_to(CHECKOUT) and whole.is_relative_to(CHECKOUT)
    return whole.relative_to(CHECKOUT).as_posix() if inside else path


@dataclass(frozen=True)
class Asked:
    """What a user asked for, for one data set and backbone: it names the artifacts before any of them is opened.

    `had` weights and the images themselves are known only to `train`, which puts them into <config> and leaves a pointer here.
    The device is not part of it: what was trained on a GPU is compared and measured on the CPU as well.
    """

    dataset: Dataset
    backbone: Backbone
    recipes: tuple[Recipe, ...]
    seed: int
    checkpoint: str | None
    skip_bad_images: bool = False

    def folder(self, artifacts: Path) -> Path:
        """artifacts/<dataset>/<backbone>."""
        return artifacts / self.dataset.name / self.backbone.name

    def pointer(self, artifacts: Path) -> Path:
        """The file that names the <config> which answers this."""
        return self.folder(artifacts) / "asked" / f"{short_hash(self.portable(artifacts))}.json"

    def portable(self, artifacts: Path) -> Asked:
        """The same wherever the checkout lies, if these artifacts lie in it."""

        def moved(path: str) -> str:
            return portable(path, artifacts)

        names = ("root", "train", "val", "test")
        folders: dict[str, Any] = {name: moved(path) for name in names if (path := getattr(self.dataset, name)) is not None}
        weights = (f"{FILE}{moved(each.removeprefix(FILE))}" if each.startswith(FILE) else each for each in self.backbone.weights)
        return replace(
            self,
            dataset=replace(self.dataset, **folders),
            backbone=replace(self.backbone, weights=tuple(weights)),
            checkpoint=None if self.checkpoint is None else moved(self.checkpoint),
        )

    def point_to(self, artifacts: Path, config: str) -> None:
        """Record that <config> answers this. Called by `train`, after its manifest is written."""
        artifact.write_text(self.pointer(artifacts), strict.pretty({"config": config, "asked": self.portable(artifacts)}))

    def find(self, artifacts: Path) -> Path:
        """The folder of the artifacts. Raises DataError, with the command that makes them, when there is none."""
        pointer = self.pointer(artifacts)
        try:
            config = strict.loads(pointer.read_bytes(), str(pointer))["config"]
        except (strict.StrictError, KeyError, TypeError) as fault:
            raise DataError("corrupt: it names no configuration", where=str(pointer), next="nox -s train, with the same options") from fault
        except FileNotFoundError as fault:
            raise DataError(
                f"{self.backbone.name} has not been trained on {self.dataset.name} with these options",
                where=str(self.folder(artifacts)),
                next="nox -s train, with the same options after --",
            ) from fault
        return self.folder(artifacts) / str(config)
