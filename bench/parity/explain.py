"""Why a row failed: the stage that is to blame, and where inside the model when it is the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from bench.blame.chain import Case
from bench.blame.found import PYTHON_RUST, ModelBlame
from bench.blame.model import blame_model
from bench.fleet import Fleet
from bench.ledger.found import Blame, StageReport
from bench.ledger.rows import Suspects, explain_rows
from bench.parity.reference import JUDGEMENT_FAILS, Reference
from bench.progress import Progress
from bench.results import Check, ParityRow
from bench.subject import Subject
from contract.errors import ConcordError
from contract.matrix import Matrix

# What a check says of the stage, where the ledger, which asks one image at a time, sees nothing.
STAGE: dict[Check, str] = {
    "file": "runtime", "tensors": "normalise", "classes": "label", "weights": "logits", "logits": "logits", "top-1": "top-1",
    "labels": "logits", "batches": "logits", "bits": "logits",
}  # fmt: skip
Explaining = Literal["all", "stages", "nothing"]
IN_THE_MODEL: frozenset[Check] = frozenset({"weights", "logits", "bits"})


def explain(
    rows: Sequence[ParityRow], suspects: Suspects, subject: Subject, fleet: Fleet, matrix: Matrix, reference: Reference, work: Path,
    progress: Progress, found: Path, explaining: Explaining,
) -> tuple[tuple[ParityRow, ...], tuple[StageReport, ...]]:  # fmt: skip
    """The rows with the stage to blame and the node inside the model, and the stage ledgers.

    `suspects`: per (runtime, variant), the images that differ. `found`: where reproductions are written.
    """
    if explaining == "nothing":
        return tuple(rows), ()
    said, reports = explain_rows(rows, suspects, subject, fleet, matrix, reference.paths, work, progress)
    stopped = {(each.runtime, each.variant): each.error for each in reports}
    models: dict[str, ModelBlame] = {}
    explained = []
    for row in said:
        if row.passed or not row.judged:
            explained.append(row)
            continue
        inside, hindered = None, ""
        if explaining == "all":
            try:
                inside = _inside(row, models, suspects, subject, fleet, reference, work, progress, found)
            except JUDGEMENT_FAILS as error:
                # The row failed whatever is found inside of the model; what hinders the search is said in its place.
                fleet.lost(_who(error, fleet, row.runtime), error)
                fleet.stop()  # the others still hold models, which nobody would unload
                hindered = f" Inside the model: not looked for, {error}"
        explained.append(replace(row, model=inside, blame=_blame(row, inside, hindered, stopped.get((row.runtime, row.variant)))))
    return tuple(explained), reports


def _inside(
    row: ParityRow, models: dict[str, ModelBlame], suspects: Suspects, subject: Subject, fleet: Fleet, reference: Reference, work: Path,
    progress: Progress, found: Path,
) -> ModelBlame | None:  # fmt: skip
    """Where in the model, for a row whose answers on the same tensor are wrong; a file's fault is looked for in one runtime only.

    Raises what the runners raise.
    """
    if not IN_THE_MODEL & set(row.checks):
        return None
    known = models.get(row.variant)
    if known is not None and known.edge not in (None, PYTHON_RUST) and "bits" not in row.checks:
        return known
    progress.part(f"blame {subject.name}: {row.runtime} {row.variant}")
    images = tuple(int(index) for index in np.flatnonzero(suspects[row.runtime, row.variant])[:8])
    factor, tolerance = reference.floor.factor, reference.floor.tolerance
    case = Case(subject, row.variant, row.runtime, row.provider, reference.tensors, factor, tolerance, images)
    folder = found / f"{row.dataset}-{row.backbone}-{row.variant}-{row.runtime}-{row.provider}"
    models[row.variant] = blame_model(fleet, case, work, folder)
    return models[row.variant]


def _who(error: ConcordError, fleet: Fleet, otherwise: str) -> str:
    """The runner that failed: inside the model the reference and the runtime that is the base are asked as well."""
    return next((name for name in fleet.names if error.where.startswith(f"{name}:")), otherwise)


def _blame(row: ParityRow, model: ModelBlame | None, hindered: str, stopped: str | None) -> Blame:
    """One stage: another file explains everything; else what the ledger says, else where the checks of the gate saw it.

    `stopped`: what ended the ledger.
    """
    inside = f" Inside the model: {model.said}" if model is not None and model.edge is not None else hindered
    if "file" not in row.checks and row.blame is not None:
        return replace(row.blame, said=f"{row.blame.said}.{inside}" if inside else row.blame.said)
    stage = next(STAGE[check] for check in STAGE if check in row.checks)
    why = f"its stages could not be asked ({stopped})" if stopped else "one image at a time no stage makes a difference"
    known = "is to blame" if "file" in row.checks else f"is where it shows, {why}"
    return Blame(stage, f"{stage} {known}: {'; '.join(row.problems)}.{inside}")
