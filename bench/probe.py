"""What the models of a run cost, tried before it is planned: of each backbone one session, and two forwards of zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.fleet import Fleet
from bench.measure.again import Scenarios
from bench.measure.forecast import Expected
from bench.measure.group import FIRST_SECONDS
from bench.measure.pairs import BASE_RUNTIME, BASE_VARIANT
from bench.plan import Part
from bench.runner import Runner, RunnerError
from contract.errors import ConcordError, UsageError
from contract.protocol import LoadArgs, Loaded, TimeArgs

T = TypeVar("T")


def parts(wanted: Sequence[tuple[Part, Scenarios]], fleet: Fleet, work: Path) -> tuple[list[Expected], list[str]]:
    """What is expected of each part that has cells to measure, and a line for each whose file could not be tried: parity will say more."""
    found, unknown = [], []
    for part, scenarios in wanted:
        if any(cells for _, cells in scenarios):
            try:
                forward, load = _tried(part, fleet, work)
            except ConcordError as error:
                unknown.append(not_known(part.name, error))
                continue
            found.append(Expected(part.name, scenarios, forward, load))
    return found, unknown


def _tried(part: Part, fleet: Fleet, work: Path) -> tuple[float, float]:
    """Seconds of a forward, and of a session."""
    cell = min(part.cells, key=lambda cell: (cell.runtime != BASE_RUNTIME, cell.variant != BASE_VARIANT))
    model = part.subject.model(cell.variant)
    loaded = ask(fleet, cell.runtime, lambda runner: runner.load(LoadArgs(str(model), part.provider, fleet.options)))
    _, *sizes = loaded.inputs[0].shape
    shape = tuple(size for size in sizes if size is not None)
    if len(shape) != len(sizes):
        raise UsageError(
            f"the input {loaded.inputs[0].name} has dynamic dimensions beside the batch",
            where=str(model),
            next="give them: --input-shape CxHxW",
        )
    forward = forward_seconds(fleet, cell.runtime, loaded, shape, work)
    ask(fleet, cell.runtime, lambda runner: runner.unload(loaded.id))
    return forward, loaded.ns / 1e9


def forward_seconds(fleet: Fleet, name: str, loaded: Loaded, shape: tuple[int, ...], work: Path) -> float:
    """Seconds an image of a loaded model, `shape` being that of one image: the second forward of zeros, the first one warms up."""
    batch = loaded.inputs[0].shape[0] or 1
    tensor = work / "probe.npy"
    np.save(tensor, np.zeros((batch, *shape), np.float32))
    asked = TimeArgs(loaded.id, "latency", None, str(tensor), batch, 1, 1, None, split=False)
    return ask(fleet, name, lambda runner: runner.time(asked, FIRST_SECONDS)).samples[0] / 1e9 / batch


def not_known(site: str, error: ConcordError) -> str:
    """The line that stands for a forecast."""
    return f"forecast: {site}: not known, for the model could not be tried: {error.what}".partition("\n")[0]


def ask(fleet: Fleet, name: str, question: Callable[[Runner], T]) -> T:
    """Ask a runner; one that fails is ended, so that whoever asks next gets a fresh one."""
    try:
        return question(fleet.only(name))
    except RunnerError as error:
        fleet.lost(name, error)
        raise
