"""The step: plan, train what is not current, write, tell."""

from __future__ import annotations

import sys

from rich.console import Console

from contract import artifact, lock, strict
from contract.errors import GOOD
from contract.manifest import TrainManifest
from contract.matrix import Matrix
from contract.options import Options
from train import device, table
from train.costs import cost
from train.fit import state
from train.fit.fitting import fit
from train.jobs import Planned, at_home, current, plan
from train.progress import reporter
from train.write import versions, write


def train(options: Options, matrix: Matrix) -> int:
    """Train every chosen backbone on every chosen data set."""
    artifact.sweep(options.artifacts)
    on = device.pick(matrix.defaults.device)
    device.set_up(on, options.threads)
    if not options.output_json:
        table.print_asked(matrix, on, options.checkpoint, _console(stderr=True))
    planned = plan(options, matrix)
    costs = [cost(item.job) for item in planned]
    table.print_plan(planned, costs, _console(stderr=True))
    artifact.need_disk(options.artifacts, sum(each.bytes for item, each in zip(planned, costs, strict=True) if not item.current))
    made = [_one(item, options) for item in planned]
    if options.output_json:
        sys.stdout.write(table.as_json(made))
    else:
        table.print_results(made, _console())
    return GOOD


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=160)


def _one(item: Planned, options: Options) -> TrainManifest:
    with lock.exclusive(item.asked.folder(options.artifacts), f"training {item.title}"), reporter(item.title) as said:
        # Another run may have made it between this one's plan and this one's lock.
        made = item.current or (None if options.force else current(item.folder, item.inputs, item.source))
        if made is None:
            if options.force:
                state.remove(item.folder)
            # To go on with other threads, another torch or another device would end with other weights.
            made_with = strict.dumps(versions(item.job.device, item.job.threads))
            made = write(item, fit(item.job, item.folder, item.inputs + item.source + made_with, said))
        made = at_home(made, item)
        item.asked.point_to(options.artifacts, made.config)
        return made
