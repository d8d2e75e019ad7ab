"""Run by pytest: one benchmark per measured cell, replayed sample by sample with a clock that only samples move (measuring.md 2.7)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.record import RESULTS, names
from bench.results import Measured
from contract import strict


class ReplayClock:
    """A clock in seconds that stands still but for `advance`, which moves it by the next recorded sample."""

    def __init__(self) -> None:
        self._nanoseconds = 0
        self._samples: Iterator[int] = iter(())

    def load(self, samples_ns: tuple[int, ...]) -> None:
        """Take the samples of the next benchmark."""
        self._samples = iter(samples_ns)

    def now(self) -> float:
        """Seconds, as pytest-benchmark wants them."""
        return self._nanoseconds / 1e9

    def advance(self) -> None:
        """Let one sample pass."""
        self._nanoseconds += next(self._samples)


@dataclass(frozen=True)
class Cells:
    """The part of results.json that is recorded: to decode the others takes most of the time in a large run."""

    cells: tuple[Measured, ...]


def measured_cells() -> list[Measured]:
    """Cells with numbers of the run that is recorded."""
    path = Path(os.environ[RESULTS])
    data = strict.loads(path.read_bytes(), str(path))
    found = strict.decode(Cells, {key: value for key, value in data.items() if key == "cells"}, str(path))
    return [cell for cell in found.cells if cell.error is None]


CLOCK = ReplayClock()
CELLS = measured_cells()


@pytest.mark.parametrize("measured", CELLS, ids=names([each.cell for each in CELLS]))
@pytest.mark.benchmark(timer=CLOCK.now)
def test_cell(measured: Measured, benchmark: Any) -> None:
    """Replay one cell. `ops` of the record are batches per second."""
    samples = tuple(sample for block in measured.blocks for sample in block.samples_ns)
    cell = measured.cell
    benchmark.group = f"{cell.dataset}/{cell.backbone} {cell.provider} {cell.scenario}-{cell.batch}"
    clock, operation = ("the bench timed", "starts") if measured.kind == "cold" else ("the runner timed itself", "batches")
    benchmark.extra_info.update(strict.plain(cell), clock=f"replayed: {clock}", ops_are=f"{operation} per second")
    CLOCK.load(samples)
    benchmark.pedantic(CLOCK.advance, rounds=len(samples), iterations=1)
