"""The gate over fake runners, for the tests of its parts."""

from __future__ import annotations

from pathlib import Path

from bench.fleet import Fleet
from bench.parity.check import Checked, check
from bench.progress import Progress
from bench.subject import Subject
from contract.matrix import Matrix
from tests.bench import fakes


def gate(folder: Path, subject: Subject, matrix: Matrix | None = None) -> Checked:
    work = folder / "work"
    work.mkdir()
    with Fleet(fakes.RUNTIMES, 1, folder / "logs") as fleet:
        fleet.start()  # all at once: imports take longer than a gate
        return check(subject, fleet, matrix or fakes.matrix(), "cpu", work, Progress(1))
