"""The gate on trial: clean runs, then every fault at every dose."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.begin import measuring_alone, new_folder
from bench.build import build
from bench.faults import table
from bench.faults.catalogue import Fault, find
from bench.faults.every import FAULTS
from bench.faults.trial import Outcome, Trials
from bench.fleet import Fleet
from bench.progress import Progress
from bench.subject import Subject, only_subject
from contract import artifact, strict
from contract.errors import BAD, GOOD, UsageError
from contract.matrix import Matrix
from contract.options import Options, select

IMAGES = 40
VARIANT, RUNTIME = "raw-dynamic", "ort-python"
RIGHTLY_BLAMED = 0.95
# Measured on two cores with ResNet18: 20 clean runs and 74 doses of 47 faults took 33 minutes.
SECONDS_PER_TRIAL = 21.0


@dataclass(frozen=True)
class Verdict:
    """Everything that was tried. `false_alarms`: what the gate said in clean runs."""

    subject: str
    variant: str
    runtime: str
    images: int
    clean_runs: int
    false_alarms: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    def strongest(self) -> list[Outcome]:
        """Each fault at its strongest dose."""
        first: dict[str, Outcome] = {}
        for outcome in self.outcomes:
            first.setdefault(outcome.fault, outcome)
        return list(first.values())

    @property
    def caught(self) -> int:
        """Faults that were caught at their strongest dose."""
        return sum(bool(each.caught) for each in self.strongest())

    @property
    def blamed(self) -> int:
        """Faults whose stage was named."""
        return sum(each.blamed == FAULTS[each.fault].stage for each in self.strongest())

    @property
    def good(self) -> bool:
        """All caught, enough blamed rightly, no false alarm."""
        tried = len(self.strongest())
        return self.caught == tried and self.blamed >= RIGHTLY_BLAMED * tried and not self.false_alarms


def run(options: Options, raw: argparse.Namespace) -> tuple[int, Path]:
    """Try all faults, or those named by --fault; returns the exit code and the folder with faults.json and faults.md."""
    if raw.clean < 0:
        raise UsageError(f"--clean must be at least 0, got {raw.clean}", where="bench faults", next="raise it, or leave it out")
    matrix = select(options)
    chosen = [find(name, FAULTS) for name in raw.fault] or list(FAULTS.values())
    subject = only_subject(options, matrix, "faults are put into one backbone")
    if "ort-rust" in matrix.defaults.runtime:
        build(quiet=True)
    folder = new_folder(options.reports)
    with (
        measuring_alone(),
        tempfile.TemporaryDirectory(prefix="concord-faults-") as work,
        Fleet(matrix.defaults.runtime, options.threads, folder / "logs") as fleet,
        Progress(seconds(chosen, raw.clean)) as progress,
    ):
        verdict = judge(subject, fleet, matrix, chosen, raw.clean, options.images or IMAGES, Path(work), progress, partial(store, folder))
    return GOOD if verdict.good else BAD, folder


def store(folder: Path, verdict: Verdict) -> None:
    """Write what was tried so far: half an hour of it survives Ctrl-C."""
    artifact.write_text(folder / "faults.json", strict.pretty(verdict))
    artifact.write_text(folder / "faults.md", table.markdown(verdict))


def seconds(chosen: list[Fault], clean: int) -> float:
    """About how long it will take."""
    return SECONDS_PER_TRIAL * (clean + sum(len(fault.doses) for fault in chosen))


def judge(
    subject: Subject,
    fleet: Fleet,
    matrix: Matrix,
    chosen: list[Fault],
    clean: int,
    images: int,
    work: Path,
    progress: Progress,
    after: Callable[[Verdict], None] = lambda _verdict: None,
) -> Verdict:
    """Clean runs on images of other seeds, then the faults on those of the first. Raises UsageError where nothing could be judged.

    `after` gets what was tried so far, after each of them.
    """
    others = [name for name in matrix.defaults.runtime if name != matrix.defaults.reference]
    if not others or not subject.model_exists(VARIANT):
        raise UsageError(
            f"faults are put into {VARIANT} in a runtime beside the reference: one is missing",
            where=subject.name,
            next="choose --runtime ort-python, and run nox -s export",
        )
    runtime = RUNTIME if RUNTIME in others else others[0]
    verdict = Verdict(subject.name, VARIANT, runtime, images, 0, (), ())
    for seed in range(clean):
        progress.part(f"clean run {seed + 1} of {clean}")
        seeded = replace(matrix, defaults=replace(matrix.defaults, seed=matrix.defaults.seed + seed))
        # One reference for all runtimes: it costs the most.
        first = Trials.begin(subject, fleet, seeded, VARIANT, others[0], images, work / str(seed), progress)
        found = [problem for runtime in others for problem in first.with_runtime(runtime).clean()]
        alarms = tuple(f"clean run {seed + 1}: {each}" for each in found)
        verdict = replace(verdict, clean_runs=seed + 1, false_alarms=(*verdict.false_alarms, *alarms))
        after(verdict)
        progress.done(SECONDS_PER_TRIAL)
    trials = Trials.begin(subject, fleet, matrix, VARIANT, runtime, images, work / "faults", progress)
    for fault in chosen:
        for number, dose in enumerate(fault.doses):
            progress.part(f"{fault.name} {dose:g}: {fault.says}")
            outcome = trials.of(fault, dose, full=number == 0)
            verdict = replace(verdict, outcomes=(*verdict.outcomes, outcome))
            after(verdict)
            # What is not seen at this dose is not looked for at a weaker one.
            over = 1 if outcome.caught else len(fault.doses) - number
            progress.done(SECONDS_PER_TRIAL * over)
            if not outcome.caught:
                break
    return verdict
