"""How far an export is: on a terminal a bar that moves with every form and every file; elsewhere the step's own lines are enough."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from export.plan import Job


class Bar:
    """The bar of a whole export. Its parts go on in two threads: one form is translated while the one before is checked."""

    def __init__(self, live: Progress | None, jobs: Iterable[Job]) -> None:
        self._live, self._lock = live, Lock()
        self._now: list[str] = []
        self._left = {job.name: steps(job) for job in jobs}
        self._task = live.add_task("export", total=sum(self._left.values()), now="") if live else None

    @contextmanager
    def part(self, job: Job, text: str, count: int = 1) -> Iterator[None]:
        """What goes on inside of the block; at its end, be it an error, the bar has moved by `count`."""
        name = f"{job.trained.backbone} {text}"
        with self._lock:
            self._now.append(name)
            self._show()
        try:
            yield
        finally:
            with self._lock:
                self._now.remove(name)
                self._move(job, count)

    def ended(self, job: Job) -> None:
        """Nothing is left of a job: what it was planned to have and did not come to has been passed over."""
        with self._lock:
            self._move(job, self._left.get(job.name, 0))

    def _move(self, job: Job, count: int) -> None:
        # A job may have more to do than it was planned with: another run can delete what was there.
        moved = min(count, self._left.get(job.name, 0))
        self._left[job.name] = self._left.get(job.name, 0) - moved
        self._show(moved)

    def _show(self, moved: int = 0) -> None:
        if self._live is not None and self._task is not None:
            self._live.update(self._task, advance=moved, now=", ".join(self._now))


@contextmanager
def bar(jobs: Iterable[Job]) -> Iterator[Bar]:
    """For as long as the export lasts."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar(None, jobs)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        # Last, and cut where a narrow terminal ends: at the beginning it would take the bar's room.
        TextColumn("{task.fields[now]}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    # What is printed meanwhile to a stdout that is no terminal is to arrive there, and not on stderr.
    with Progress(*columns, console=console, transient=True, expand=True, redirect_stdout=sys.stdout.isatty()) as live:
        yield Bar(live, jobs)


def steps(job: Job) -> int:
    """What there is to do: each form is translated and checked, each simplified variant is made of one."""
    return 2 * len({variant.batch for variant in job.todo}) + sum(variant.simplify for variant in job.todo)
