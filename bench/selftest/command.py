"""`python -m bench selftest`: how often does this machine's measuring cry wolf, and what does it overlook?"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from bench import document, ground, resume
from bench.begin import measuring_alone
from bench.fleet import Fleet
from bench.progress import Progress
from bench.selftest import table
from bench.selftest.found import Pairs, Plan, SelfTest, live
from bench.selftest.pair import BASE, LATENCY, OTHER, Compared, compare, inputs, variant_of
from bench.selftest.replay import replay
from bench.subject import Subject, only_subject
from contract import artifact, layout, strict
from contract.errors import GOOD, UsageError
from contract.matrix import Cell, Matrix, Measure
from contract.options import Options, select
from contract.protocol import LoadArgs

# Slow-down, seconds a pair, and how many pairs of a whole self-test. Zero comes first: the replays draw from it.
TRIALS = ((0.0, 15.0, 60), (0.03, 15.0, 60), (0.01, 60.0, 60), (0.05, 15.0, 20))
# Pairs of each with --quick: six minutes in all.
QUICK_TRIALS = 3
# Generations of a replayed comparison: what 15 s a pair give on two cores, and what a default run gives a small backbone.
REPLAYED_PROCESSES = 5


def run(options: Options, raw: argparse.Namespace) -> int:
    """Run it, or go on with one that was stopped; print the table, which --write puts into METHODOLOGY.md, too."""
    if raw.trials is not None and raw.trials < 1:
        raise UsageError(f"--trials must be at least 1, got {raw.trials}", where="bench selftest", next="raise it, or leave it out")
    matrix = select(options)
    subject = only_subject(options, matrix, "one backbone is timed against itself")
    plan = planned(subject, matrix, raw.trials or (QUICK_TRIALS if options.quick else None))
    with measuring_alone():
        folder, stored = resume.begun(SelfTest, layout.SELFTEST, raw.resume, options.reports)
        if stored is not None:
            resume.must_equal(stored.plan, plan, folder)
        if stored is not None and stored.finished:
            resume.say_finished(folder, stored.ground.code)
            write(stored, folder)
        else:
            with resume.told(folder, layout.SELFTEST):
                try_all(subject, plan, options.threads, folder, stored)
    if raw.write:
        text = (folder / "selftest.md").read_text(encoding="utf-8")
        document.replace_between(layout.CHECKOUT / "METHODOLOGY.md", table.BEGIN, table.END, text)
    document.show(folder / "selftest.md", as_json=options.output_json)
    return GOOD


def planned(subject: Subject, matrix: Matrix, trials: int | None) -> Plan:
    """What is to be compared: so many pairs of each slow-down, or as many as a whole self-test has."""
    pairs = tuple(Pairs(share, seconds, trials or count) for share, seconds, count in TRIALS)
    measure = matrix.measure
    return Plan(subject.name, variant_of(subject), pairs, measure.restarts, measure.equivalent, matrix.defaults.seed)


def try_all(subject: Subject, plan: Plan, threads: int, folder: Path, stored: SelfTest | None) -> None:
    """Make the comparisons that are not stored yet, and write selftest.json and selftest.md after each."""
    done = list(stored.compared) if stored is not None else []
    left = plan.each()[len(done) :]
    with (
        tempfile.TemporaryDirectory(prefix="concord-selftest-") as work,
        Fleet((BASE, OTHER), threads, folder / "logs") as fleet,
        Progress(sum(each.seconds for each in left)) as progress,
    ):
        here = ground.look(fleet, (BASE,), {plan.variant: subject.sha256(plan.variant)})
        if stored is not None:
            resume.must_equal(stored.ground, here, folder)
        tested = SelfTest(f"{subject.title} {plan.variant}, batch 1", here.machine, (), None, (), plan, here)
        store(tested, done, folder)
        model = subject.model(plan.variant)
        given = inputs(Path(work), input_shape(fleet, model), plan.seed)
        about = Cell(subject.train.dataset, subject.train.backbone, plan.variant, BASE, "cpu", LATENCY.name, 1)
        for number, each in enumerate(left, len(done)):
            progress.part(f"pair {number + 1} of {len(plan.each())}: slowed by {each.slowdown:.0%}, {each.seconds:g} s")
            settings = Measure(each.seconds, plan.restarts, plan.equivalent)
            done.append(compare(model, about, given, each.slowdown, settings, fleet, plan.seed + number, Path(work)))
            store(tested, done, folder)
            progress.done(each.seconds)


def input_shape(fleet: Fleet, model: Path) -> tuple[int, ...]:
    """Shape of one image of the model's input."""
    runner = fleet.only(BASE)
    loaded = runner.load(LoadArgs(str(model), "cpu", fleet.options))
    runner.unload(loaded.id)
    return tuple(size for size in loaded.inputs[0].shape[1:] if size is not None)


def store(tested: SelfTest, compared: list[Compared], folder: Path) -> None:
    """Write what was found so far, with the comparisons that are replayed from it."""
    equal = [log for each in compared if each.slowdown == 0 for log in each.logs]
    slowdowns = sorted({each.slowdown for each in tested.plan.pairs if each.slowdown > 0})
    enough = len(equal) >= 2 * REPLAYED_PROCESSES
    replayed = replay(equal, REPLAYED_PROCESSES, slowdowns, tested.plan.seed) if enough else None
    write(replace(tested, live=tuple(live(compared)), replayed=replayed, compared=tuple(compared)), folder)


def write(tested: SelfTest, folder: Path) -> None:
    """Write selftest.json, and selftest.md, which is made of it."""
    artifact.write_text(folder / layout.SELFTEST, strict.pretty(tested))
    artifact.write_text(folder / "selftest.md", table.markdown(tested))
