"""`python -m bench selftest`: how often does this machine's measuring cry wolf, and what does it overlook?"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench import document
from bench.begin import measuring_alone, new_folder
from bench.environment import describe
from bench.fleet import Fleet
from bench.progress import Progress
from bench.selftest import table
from bench.selftest.found import SelfTest, live
from bench.selftest.pair import BASE, LATENCY, OTHER, Compared, compare, inputs, variant_of
from bench.selftest.replay import replay
from bench.subject import only_subject
from contract import artifact, strict
from contract.errors import GOOD, UsageError
from contract.layout import CHECKOUT
from contract.matrix import Cell, Measure
from contract.options import Options, select
from contract.protocol import LoadArgs

# Slow-down, seconds a pair, and how many pairs of a whole self-test. Zero comes first: the replays draw from it.
TRIALS = ((0.0, 15.0, 60), (0.03, 15.0, 60), (0.01, 60.0, 60), (0.05, 15.0, 20))
# Pairs of each with --quick: six minutes in all.
QUICK_TRIALS = 3
# Generations of a replayed comparison: what 15 s a pair give on two cores, and what a default run gives a small backbone.
REPLAYED_PROCESSES = 5


def run(options: Options, raw: argparse.Namespace) -> int:
    """Run it, write selftest.json and selftest.md after each comparison, print the table; --write puts it into METHODOLOGY.md."""
    if raw.trials is not None and raw.trials < 1:
        raise UsageError(f"--trials must be at least 1, got {raw.trials}", where="bench selftest", next="raise it, or leave it out")
    matrix = select(options)
    subject = only_subject(options, matrix, "one backbone is timed against itself")
    variant = variant_of(subject)
    plan = [(share, seconds) for share, seconds, count in TRIALS for _ in range(raw.trials or (QUICK_TRIALS if options.quick else count))]
    folder, compared = new_folder(options.reports), list[Compared]()
    with (
        measuring_alone(),
        tempfile.TemporaryDirectory(prefix="concord-selftest-") as work,
        Fleet((BASE, OTHER), options.threads, folder / "logs") as fleet,
        Progress(sum(seconds for _, seconds in plan)) as progress,
    ):
        model = subject.model(variant)
        given = inputs(Path(work), input_shape(fleet, model), matrix.defaults.seed)
        about = Cell(subject.train.dataset, subject.train.backbone, variant, BASE, "cpu", LATENCY.name, 1)
        for number, (share, seconds) in enumerate(plan):
            progress.part(f"pair {number + 1} of {len(plan)}: slowed by {share:.0%}, {seconds:g} s")
            settings = Measure(seconds, matrix.measure.restarts, matrix.measure.equivalent)
            compared.append(compare(model, about, given, share, settings, fleet, matrix.defaults.seed + number, Path(work)))
            store(f"{subject.title} {variant}", compared, matrix.defaults.seed, folder)
            progress.done(seconds)
    if raw.write:
        document.replace_between(CHECKOUT / "METHODOLOGY.md", table.BEGIN, table.END, (folder / "selftest.md").read_text(encoding="utf-8"))
    document.show(folder / "selftest.md", as_json=options.output_json)
    return GOOD


def input_shape(fleet: Fleet, model: Path) -> tuple[int, ...]:
    """Shape of one image of the model's input."""
    runner = fleet.only(BASE)
    loaded = runner.load(LoadArgs(str(model), "cpu", fleet.options))
    runner.unload(loaded.id)
    return tuple(size for size in loaded.inputs[0].shape[1:] if size is not None)


def store(name: str, compared: list[Compared], seed: int, folder: Path) -> None:
    """Write what was found so far of this variant of a subject."""
    equal = [log for each in compared if each.slowdown == 0 for log in each.logs]
    slowdowns = sorted({share for share, _, _ in TRIALS if share > 0})
    replayed = replay(equal, REPLAYED_PROCESSES, slowdowns, seed) if len(equal) >= 2 * REPLAYED_PROCESSES else None
    machine = describe()
    about = f"{machine.cpu}, {machine.threads} threads, {machine.system}"
    tested = SelfTest(f"{name}, batch 1", about, tuple(live(compared)), replayed, tuple(compared))
    artifact.write_text(folder / "selftest.json", strict.pretty(tested))
    artifact.write_text(folder / "selftest.md", table.markdown(tested))
