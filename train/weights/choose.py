"""The first of the asked weights that can be had; only a failed download falls through to the next."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from contract import artifact
from contract.errors import DataError
from contract.manifest import WeightsHad
from contract.matrix import Backbone
from train.weights import names
from train.weights.download import DownloadFailedError, fetch


@dataclass(frozen=True)
class Source:
    """Where the weights lie (None: random), and how the manifest says it."""

    file: Path | None
    had: WeightsHad
    checkpoint: bool = False

    @property
    def random(self) -> bool:
        """Whether nothing was learned before."""
        return self.file is None


def choose(backbone: Backbone, cache: Path, *, checkpoint: Path | None, offline: bool) -> Source:
    """Get the weights that training starts from. Raises UsageError for an unknown name, DataError for a missing file."""
    for asked in backbone.weights:
        if names.is_name(asked):
            names.entry(backbone.name, asked)  # a misspelt name is an error, also where it would not be reached
    if checkpoint is not None:
        return Source(
            checkpoint, WeightsHad((str(checkpoint),), f"checkpoint:{checkpoint.name}", _sha256(checkpoint), None), checkpoint=True
        )
    failures: list[DownloadFailedError] = []
    for asked in backbone.weights:
        why = "; ".join(failure.what for failure in failures)
        try:
            return _one(backbone, asked, cache, why, offline=offline)
        except DownloadFailedError as failure:
            print(f"{backbone.name}: {asked}: {failure.what} ({failure.where})", file=sys.stderr, flush=True)
            failures.append(failure)
    raise failures[-1]


def _one(backbone: Backbone, asked: str, cache: Path, why: str, *, offline: bool) -> Source:
    if asked == names.RANDOM:
        return Source(None, WeightsHad(backbone.weights, names.RANDOM, None, None, why))
    if asked.startswith(names.FILE):
        path = Path(asked.removeprefix(names.FILE))
        return Source(path, WeightsHad(backbone.weights, f"{names.FILE}{path.name}", _sha256(path), None, why))
    found = names.entry(backbone.name, asked)
    path = fetch(found.url, cache, offline=offline)
    return Source(path, WeightsHad(backbone.weights, found.name, _sha256(path), names.licence(found), why))


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise DataError("no such weights file", where=str(path), next="check the path after file: or --checkpoint")
    return artifact.sha256_file(path)
