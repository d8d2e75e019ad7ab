"""What every run begins with: the machine to itself, a folder, empty results, a clock, and its model files kept."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from bench import environment
from bench.gate import keep
from bench.gate.old import OldRun
from bench.results import Gate, Results, StepTime
from bench.subject import Subject
from contract.errors import NOTHING_JUDGED
from contract.layout import RESULTS
from contract.lock import exclusive
from contract.matrix import Matrix
from contract.options import Options


def measuring_alone() -> AbstractContextManager[None]:
    """One run at a time on this machine: two would measure each other. Raises EnvironmentFault naming the other one's process."""
    lock = Path(tempfile.gettempdir()) / "concord-measuring"
    return exclusive(lock, "another Concord run measures on this machine", way_out="or end it")


def new_folder(reports: Path) -> Path:
    """A folder of its own for this run, named by the time (UTC) and four random digits."""
    folder = reports / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{Random().randrange(16**4):04x}"
    folder.mkdir(parents=True)
    return folder


@contextmanager
def folder_of_run(reports: Path) -> Iterator[Path]:
    """A new folder, which goes again where the run ends before it has results, unless the error points to a log in it."""
    folder = new_folder(reports)
    try:
        yield folder
    except BaseException as error:
        if not (folder / RESULTS).is_file() and str(folder) not in str(error):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def blank(options: Options, matrix: Matrix, subjects: list[Subject], folder: Path) -> Results:
    """Results before anything was found."""
    return Results(
        run=folder.name,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["python -m bench", *sys.argv[1:]]).replace("'python -m bench'", "python -m bench"),
        quick=options.quick,
        device=matrix.defaults.device,
        seed=matrix.defaults.seed,
        environment=environment.describe(),
        receipts={},
        subjects=tuple(subject.summary() for subject in subjects),
        floors=(),
        parity=(),
        stages=(),
        confusions=(),
        samples=(),
        cells=(),
        contrasts=(),
        noise=None,
        gate=None,
        holes=(),
        problems=(),
        remarks=(),
        equivalent=matrix.measure.equivalent,
        times=(),
        peak_bytes={},
        exit_code=NOTHING_JUDGED,
    )


class Clock:
    """Seconds of each named part of the run."""

    def __init__(self) -> None:
        self._parts: list[StepTime] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._parts.append(StepTime(name, round(time.monotonic() - started, 2)))

    def times(self) -> tuple[StepTime, ...]:
        """All parts so far."""
        return tuple(self._parts)


def keep_files(files: list[tuple[keep.KeptFile, Path]], results: Results, matrix: Matrix, old: OldRun | None, folder: Path) -> Gate | None:
    """Keep the run's own files, for a gate to come; returns the gate against an old run, not yet judged. Raises UsageError."""
    flags = results.environment.cpu_flags
    gate = None if old is None else old.against([file for file, _ in files], matrix.measure.threshold, flags)
    keep.keep(files, flags, folder)
    return gate
