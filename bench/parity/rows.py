"""Rows of the gate for what gave no answers, and the command that checks a row again."""

from __future__ import annotations

import shlex

from bench.ledger.found import Blame
from bench.parity.compare import NotComparable
from bench.parity.reference import Reference
from bench.results import ParityRow
from bench.runner import RunnerError
from bench.subject import Subject
from contract.errors import ConcordError


def failed_row(subject: Subject, variant: str, runtime: str, provider: str, reference: Reference, error: ConcordError) -> ParityRow:
    """A row for a variant that gave no answers that can be compared."""
    stage = error.stage if isinstance(error, NotComparable) else "runtime" if isinstance(error, RunnerError) else None
    blame = None if stage is None else Blame(stage, f"{stage} is to blame: {error.what}")
    return ParityRow(
        dataset=subject.train.dataset, backbone=subject.train.backbone, variant=variant, runtime=runtime, provider=provider, images=0,
        certified=0, agree=0, near_tie_flips=0, flips=0, tensors_equal=0, max_difference=0.0, max_difference_same_tensor=0.0,
        tolerance=reference.floor.tolerance, bound=1.0, accuracy=None, reference_accuracy=None, drop=None, claim=None,
        batches={}, bits_equal_to={},
        problems=(str(error),), made=("answers",), checks=("answers",), shown=(), passed=False, judged=False, blame=blame, model=None,
        reproduce="",
    )  # fmt: skip


def reproduce(subject: Subject, row: ParityRow, images: int, given: tuple[str, ...]) -> str:
    """The command that checks this row again: the run's own options, narrowed (of an option given twice the last counts).

    Files that Concord did not export have no matrix to narrow: the whole command is given again.
    """
    if not subject.exported_here:
        return shlex.join(["python", "-m", "bench", "parity", *given])
    # Bits are owed to another runtime: without that one there is nothing to see.
    runtimes = ["torch-eager", *(row.bits_equal_to if "bits" in row.checks else ()), row.runtime]
    narrowed = ["--dataset", row.dataset, "--backbone", row.backbone, "--variant", row.variant, "--runtime", *runtimes]
    return shlex.join(["nox", "-s", "parity", "--", *given, *narrowed, "--device", row.provider, "--images", str(images)])
