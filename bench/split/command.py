"""`python -m bench split`: where the difference between Python and Rust on one ONNX file comes from, and what nothing explains."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import document, plan, probe
from bench.begin import measuring_alone, new_folder
from bench.build import build
from bench.environment import describe
from bench.fleet import Fleet
from bench.measure import forecast
from bench.measure.again import Scenarios, with_control
from bench.measure.campaign import Found, Site, measure
from bench.measure.forecast import Expected
from bench.measure.noise import noise
from bench.progress import Progress
from bench.runner import RunnerError
from bench.selftest.pair import LATENCY, inputs, variant_of
from bench.split.judge import judge
from bench.split.programs import Chain, chain
from bench.split.table import BEGIN, END, Split, markdown
from bench.subject import Subject, open_subject
from contract import artifact, strict
from contract.errors import GOOD, EnvironmentFault
from contract.layout import CHECKOUT
from contract.matrix import Cell, Measure
from contract.options import Options, asked, select
from contract.protocol import LoadArgs

# For each backbone, unless --seconds says otherwise.
SECONDS = 600.0


@dataclass(frozen=True)
class Asked:
    """What is the same for all backbones of a call. `settings.seconds`: for each of them."""

    chain: Chain
    threads: int
    settings: Measure
    seed: int
    folder: Path


def run(options: Options, raw: argparse.Namespace) -> int:
    """Split each chosen backbone; write split.json and split.md after each generation, and print the table. --write: into METHODOLOGY.md.

    Raises EnvironmentFault elsewhere than on Linux, RunnerError when a program fails: a chain that lacks a link splits nothing.
    """
    if sys.platform != "linux":
        raise EnvironmentFault(
            "the chain changes glibc's malloc and freezes processes, which takes Linux",
            where="python -m bench split",
            next="run it on Linux; --explain works everywhere",
        )
    matrix = select(options)
    build(quiet=True)
    names = [(dataset, backbone) for dataset in matrix.defaults.dataset for backbone in matrix.defaults.backbone]
    subjects = [open_subject(asked(options, matrix, *name), options.artifacts) for name in names]
    folder = new_folder(options.reports)
    settings = Measure((options.seconds or SECONDS * len(subjects)) / len(subjects), matrix.measure.restarts, matrix.measure.equivalent)
    about, splits = Asked(chain(), options.threads, settings, matrix.defaults.seed, folder), list[Split]()
    with measuring_alone():
        for subject in subjects:
            splits.append(split(subject, about, lambda found: store([*splits, found], folder)))
            store(splits, folder)
    if raw.write:
        document.replace_between(CHECKOUT / "METHODOLOGY.md", BEGIN, END, (folder / "split.md").read_text(encoding="utf-8"))
    document.show(folder / "split.md", as_json=options.output_json)
    return GOOD


def split(subject: Subject, about: Asked, keep: Callable[[Split], None]) -> Split:
    """Measure the chain on one backbone; `keep` gets what there is after each generation. Raises RunnerError when a program fails."""
    variant, names = variant_of(subject), about.chain.names
    model = subject.model(variant)
    cells = [(Cell(subject.train.dataset, subject.train.backbone, variant, name, "cpu", LATENCY.name, 1), model) for name in names]
    scenarios = with_control([(LATENCY, cells)], {})
    with (
        tempfile.TemporaryDirectory(prefix="concord-split-") as made,
        Fleet(names, about.threads, about.folder / "logs" / subject.train.backbone) as fleet,
    ):
        work = Path(made)
        fleet.instead.update({program.name: program.descriptor for program in about.chain.programs})
        expected, shape = tried(fleet, subject.name, scenarios, model, work)
        plan.say(forecast.lines([expected], about.settings))
        site = Site(subject.name, scenarios, inputs(work, shape, about.seed))
        made_of = partial(found_in, subject=subject, about=about, fleet=fleet)
        with Progress(about.settings.seconds) as progress:
            gave = measure([site], fleet, about.settings, about.seed, work, progress, after=lambda found: keep(made_of(found)))
        return made_of(gave)


def tried(fleet: Fleet, name: str, scenarios: Scenarios, model: Path, work: Path) -> tuple[Expected, tuple[int, ...]]:
    """What measuring is expected to cost, and the shape of an image."""
    base = fleet.names[0]
    loaded = fleet.only(base).load(LoadArgs(str(model), "cpu", fleet.options))
    shape = tuple(size for size in loaded.inputs[0].shape[1:] if size is not None)
    forward = probe.forward_seconds(fleet, base, loaded, shape, work)
    fleet.only(base).unload(loaded.id)
    return Expected(name, scenarios, forward, loaded.ns / 1e9), shape


def found_in(gave: list[Found], *, subject: Subject, about: Asked, fleet: Fleet) -> Split:
    """What was found so far. Raises RunnerError when a program failed."""
    (found,) = gave
    broken = next((cell.error for cell in found.cells if cell.error), None) or next((hole.why for hole in found.holes), None)
    if broken is not None:
        raise RunnerError(f"a program of the chain failed: {broken}", where=f"{subject.name}: split", next="nox -s doctor")
    machine = describe()
    judged = judge(about.chain, found.cells, fleet.receipts, about.settings.equivalent)
    return Split(
        subject=f"{subject.title} {variant_of(subject)}, batch 1",
        machine=f"{machine.cpu}, {machine.system.split()[0]}",
        command=f"python -m bench split --backbone {subject.train.backbone} --seconds {about.settings.seconds:g}",
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        seconds=about.settings.seconds,
        threads=about.threads,
        judged=judged,
        noise=noise(found.cells, [step.contrast for step in judged.steps], {}),
    )


def store(splits: Sequence[Split], folder: Path) -> None:
    """Write what was found so far."""
    artifact.write_text(folder / "split.json", strict.pretty(list(splits)))
    artifact.write_text(folder / "split.md", markdown(splits))
