"""The gate on trial: clean runs, then every fault at every dose."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import ground, resume
from bench.begin import measuring_alone
from bench.build import build
from bench.faults import table
from bench.faults.catalogue import Fault, find
from bench.faults.every import FAULTS
from bench.faults.trial import Trials
from bench.faults.verdict import Plan, Verdict
from bench.fleet import Fleet
from bench.parity.batches import sizes
from bench.progress import Progress
from bench.subject import Subject, only_subject
from contract import artifact, layout, strict
from contract.errors import BAD, GOOD, UsageError
from contract.matrix import Matrix
from contract.options import Options, select

IMAGES = 40
VARIANT, RUNTIME = "raw-dynamic", "ort-python"
# Measured on two cores with ResNet18: 20 clean runs and 74 doses of 47 faults took 33 minutes.
SECONDS_PER_TRIAL = 21.0


def run(options: Options, raw: argparse.Namespace) -> tuple[int, Path]:
    """Try all faults, or those named by --fault; returns the exit code and the folder with faults.json and faults.md."""
    if raw.clean < 0:
        raise UsageError(f"--clean must be at least 0, got {raw.clean}", where="bench faults", next="raise it, or leave it out")
    matrix = select(options)
    chosen = [find(name, FAULTS) for name in raw.fault] or list(FAULTS.values())
    subject = only_subject(options, matrix, "faults are put into one backbone")
    plan = planned(subject, matrix, chosen, raw.clean, options.images or IMAGES)
    if "ort-rust" in matrix.defaults.runtime:
        build(quiet=True)
    with measuring_alone():
        folder, verdict = resume.begun(Verdict, layout.FAULTS, raw.resume, options.reports)
        if verdict is not None:
            resume.must_equal(verdict.plan, plan, folder)
        if verdict is not None and verdict.finished:
            resume.say_finished(folder, verdict.ground.code)
            store(folder, verdict)
        else:
            with resume.told(folder, layout.FAULTS):
                verdict = try_all(subject, matrix, plan, options.threads, folder, verdict)
    return GOOD if verdict.good else BAD, folder


def planned(subject: Subject, matrix: Matrix, chosen: Sequence[Fault], clean: int, images: int) -> Plan:
    """What is to be tried. Raises UsageError where nothing could be judged."""
    others = tuple(name for name in matrix.defaults.runtime if name != matrix.defaults.reference)
    if not others or not subject.model_exists(VARIANT):
        raise UsageError(
            f"faults are put into {VARIANT} in a runtime beside the reference: one is missing",
            where=subject.name,
            next="choose --runtime ort-python, and run nox -s export",
        )
    claim = matrix.parity.claim_for(subject.train.backbone)
    return Plan(
        subject=subject.name,
        variant=VARIANT,
        runtime=RUNTIME if RUNTIME in others else others[0],
        images=images,
        others=others,
        reference=matrix.defaults.reference,
        seed=matrix.defaults.seed,
        test_images=layout.short_hash(subject.train.split["test"]),
        batches=sizes(matrix),
        tolerance_factor=matrix.parity.tolerance_factor,
        claim=None if claim is None else str(claim),
        stages=matrix.parity.stages,
        clean=clean,
        faults={fault.name: fault.doses for fault in chosen},
    )


def try_all(subject: Subject, matrix: Matrix, plan: Plan, threads: int, folder: Path, stored: Verdict | None) -> Verdict:
    """Try what is not stored yet, and write faults.json and faults.md after each trial."""
    names = tuple(dict.fromkeys((plan.reference, *matrix.defaults.runtime)))
    with (
        tempfile.TemporaryDirectory(prefix="concord-faults-") as work,
        Fleet(matrix.defaults.runtime, threads, folder / "logs") as fleet,
        Progress(0.0) as progress,
    ):
        # Of all runtimes, also where clean runs are over: a fault of one library shows beside the receipt of another.
        files = ("eager", *(each.name for each in subject.export.variants))
        here = ground.look(fleet, names, {name: subject.sha256(name) for name in files})
        if stored is not None:
            resume.must_equal(stored.ground, here, folder)
        verdict = stored or Verdict(plan, here, 0, (), ())
        after = partial(store, folder)
        after(verdict)
        progress.correct(seconds(verdict))
        return judge(subject, fleet, matrix, verdict, Path(work), progress, after)


def store(folder: Path, verdict: Verdict) -> None:
    """Write what was tried so far: half an hour of it survives Ctrl-C."""
    artifact.write_text(folder / layout.FAULTS, strict.pretty(verdict))
    artifact.write_text(folder / "faults.md", table.markdown(verdict))


def seconds(verdict: Verdict) -> float:
    """About how long it will take to try what is left."""
    return SECONDS_PER_TRIAL * (verdict.plan.clean - verdict.clean_runs + sum(len(verdict.left(name)) for name in verdict.plan.faults))


def judge(
    subject: Subject,
    fleet: Fleet,
    matrix: Matrix,
    verdict: Verdict,
    work: Path,
    progress: Progress,
    after: Callable[[Verdict], None] = lambda _verdict: None,
) -> Verdict:
    """The clean runs that are left, on images of other seeds, then the faults that are, on those of the first.

    `verdict`: what was tried before. `after` gets what was tried so far, after each trial.
    """
    plan = verdict.plan
    for number in range(verdict.clean_runs, plan.clean):
        progress.part(f"clean run {number + 1} of {plan.clean}")
        seeded = replace(matrix, defaults=replace(matrix.defaults, seed=plan.seed + number))
        # One reference for all runtimes: it costs the most.
        first = Trials.begin(subject, fleet, seeded, plan.variant, plan.others[0], plan.images, work / str(number), progress)
        found = [problem for runtime in plan.others for problem in first.with_runtime(runtime).clean()]
        alarms = tuple(f"clean run {number + 1}: {each}" for each in found)
        verdict = replace(verdict, clean_runs=number + 1, false_alarms=(*verdict.false_alarms, *alarms))
        after(verdict)
        progress.done(SECONDS_PER_TRIAL)
    trials = Trials.begin(subject, fleet, matrix, plan.variant, plan.runtime, plan.images, work / "faults", progress)
    for name in plan.faults:
        while doses := verdict.left(name):
            progress.part(f"{name} {doses[0]:g}: {FAULTS[name].says}")
            outcome = trials.of(FAULTS[name], doses[0], full=doses == plan.faults[name])
            verdict = replace(verdict, outcomes=(*verdict.outcomes, outcome))
            after(verdict)
            # What is not seen at this dose is not looked for at a weaker one.
            progress.done(SECONDS_PER_TRIAL * (len(doses) - len(verdict.left(name))))
    return verdict
