"""Which rows of the gate are explained, and on which images: what failed, or everything where --stages was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.fleet import Fleet
from bench.ledger.explain import SECONDS, explain
from bench.ledger.found import StageReport
from bench.progress import Progress
from bench.results import ParityRow
from bench.subject import Subject
from contract.matrix import Matrix

# Without --stages: failing images, and others beside them.
FAILING, OTHERS = 12, 4
Suspects = Mapping[tuple[str, str], NDArray[np.bool_]]


def explain_rows(
    rows: Sequence[ParityRow], suspects: Suspects, subject: Subject, fleet: Fleet, matrix: Matrix, paths: Sequence[str], work: Path,
    progress: Progress,
) -> tuple[tuple[ParityRow, ...], tuple[StageReport, ...]]:  # fmt: skip
    """The rows, with the stage to blame in those that failed, and the stage ledgers of those and of what --stages asks for.

    `suspects`: per (runtime, variant), the images of `paths` (by index) that differ. Rows that could not be judged are left alone.
    """
    said: list[ParityRow] = []
    reports: list[StageReport] = []
    for row in rows:
        everything = matrix.parity.stages
        if not row.judged or (row.passed and not everything):
            said.append(row)
            continue
        shown = np.isin(paths, [image.path for image in row.shown])
        images = list(paths) if everything else choose(paths, suspects[row.runtime, row.variant] | shown)
        report = explain(
            fleet, subject, row.variant, row.runtime, row.provider, matrix.defaults.reference, images, row.tolerance, work, progress,
            None if everything else SECONDS,
        )  # fmt: skip
        reports.append(report)
        said.append(replace(row, blame=report.blame))
    return tuple(said), tuple(reports)


def choose(paths: Sequence[str], failing: NDArray[np.bool_]) -> list[str]:
    """Some images that fail, and a few that do not."""
    return [paths[index] for index in (*np.flatnonzero(failing)[:FAILING], *np.flatnonzero(~failing)[:OTHERS])]
