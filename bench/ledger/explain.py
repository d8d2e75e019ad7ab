"""Explain one variant in one runtime: its stage ledger, the stage to blame, and what it looks like."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.fleet import Fleet
from bench.ledger import verdict
from bench.ledger.faults import Faults
from bench.ledger.found import StageReport
from bench.ledger.stages import Array, Said, Stage, ask
from bench.ledger.tally import Tally
from bench.ledger.walk import walk
from bench.parity.ask import Session
from bench.progress import Progress
from bench.runner import RunnerError
from bench.subject import Subject
from contract.errors import DataError, UsageError

# Without --stages a row may take so many seconds; two images are always looked at.
SECONDS, LEAST = 20.0, 2
FAILS = (RunnerError, UsageError, DataError)


def explain(
    fleet: Fleet, subject: Subject, variant: str, runtime: str, provider: str, reference: str, paths: Sequence[str], tolerance: float,
    work: Path, progress: Progress, seconds: float | None = SECONDS,
) -> StageReport:  # fmt: skip
    """Walk through the stages of the images, one at a time, and say where and why `runtime` differs from the `reference` runtime.

    A runner that fails ends it: what was found until then stands, with `error`. `seconds`: stop after so many (None: all images).
    """
    progress.part(f"stages {subject.name} on {provider}: {runtime} {variant}, {len(paths)} images")
    tally = Tally(tolerance)
    faults: Faults | None = None
    error: str | None = None
    asked = reference
    try:
        with ExitStack() as sessions:
            theirs = sessions.enter_context(Session(fleet, reference, subject.model("eager"), provider))
            asked = runtime
            ours = sessions.enter_context(Session(fleet, runtime, subject.model(variant), provider))
            faults = Faults(subject.train.preprocess, tolerance, subject.train.classes, ours.loaded.classes)
            deadline = time.monotonic() + seconds if seconds is not None else None
            for path in paths:
                if deadline is not None and tally.images >= LEAST and time.monotonic() > deadline:
                    break
                asked = reference
                fleet.only(asked)
                expected = ask(theirs, path, None, work)
                asked = runtime
                fleet.only(asked)
                found = walk(expected, first_answer(ours, path, work), partial(swapped, ours, path, work), tolerance, subject.train.classes)
                tally.add(found)
                faults.add(found, Path(path))
    except FAILS as failure:
        error = str(failure).partition("\n")[0]
        fleet.lost(asked, failure)
        for name in (reference, runtime):
            fleet.stop(name)  # the other one still holds its model, which nobody would unload
    made = faults.found(tally) if faults is not None else ()
    return StageReport(
        subject.train.dataset, subject.train.backbone, variant, runtime, provider, tally.images, tally.flips, tally.differences(), made,
        verdict.blame(made, tally.images), error,
    )  # fmt: skip


def first_answer(session: Session, path: str, work: Path) -> Said | None:
    """The candidate's stages of an image file, or None where it refuses the file that the reference takes."""
    try:
        return ask(session, path, None, work)
    except DataError:
        return None


def swapped(session: Session, path: str, work: Path, stage: Stage, array: Array) -> Said:
    """The candidate's stages from the reference's array on."""
    return ask(session, path, (stage, array), work)
