"""What is going on, and what is left: a live line on a terminal, one line per part elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Live
from rich.text import Text


class Progress:
    """Progress over expected seconds; `part` says what is going on, `done` moves the bar by what was expected of it.

    `quiet`: nothing is shown, because this is a part of something that has a display of its own.
    """

    def __init__(self, expected_seconds: float, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._expected, self._done = expected_seconds, 0.0
        self._start = self._last = time.monotonic()
        self._live = (
            Live(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[left]}"),
                TimeElapsedColumn(),
                console=self._console,
                # What is measured meanwhile has no other cores: ten times a second, the default, would take some of its time.
                refresh_per_second=1,
                # The live line takes what is printed meanwhile, and would write it to stderr although stdout is a file or a pipe.
                redirect_stdout=sys.stdout.isatty(),
            )
            if sys.stderr.isatty() and not quiet
            else None
        )
        # Without a length the bar moves to and fro; one of length 0 would be full.
        self._task = self._live.add_task("starting", total=expected_seconds or None, left="") if self._live else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def part(self, text: str) -> None:
        """Say what begins now."""
        left = self._left()
        if self._live is not None and self._task is not None:
            self._live.update(self._task, description=text, left=left)
        else:
            told = f"{text} ({left})" if left else text
            self._console.print(Text(f"[{time.monotonic() - self._start:5.0f} s] {told}"), soft_wrap=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(Text(text), soft_wrap=True)

    def correct(self, seconds: float) -> None:
        """So many seconds more (or less) are expected than was thought at the beginning."""
        self._expected += seconds
        if self._live is not None and self._task is not None:
            self._live.update(self._task, total=self._expected)

    def done(self, expected_seconds: float) -> None:
        """A part that was expected to take so long is over."""
        self._done, self._last = min(self._expected, self._done + expected_seconds), time.monotonic()
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=self._done, left=self._left())

    def _left(self) -> str:
        return f"about {max(0.0, self._expected - self._done - (time.monotonic() - self._last)):.0f} s left"


class Steps(Progress):
    """Progress over so many steps of which nobody knows beforehand how long they take: those that are left, as long as those before.

    Without `lines`: seconds that only who sits at a terminal need be told of; elsewhere nothing is shown.
    """

    def __init__(self, count: int, *, lines: bool = True) -> None:
        super().__init__(0.0, quiet=not (lines or sys.stderr.isatty()))
        self._count, self._over = count, 0

    def step(self) -> None:
        """One of them is over."""
        self._over += 1
        elapsed = time.monotonic() - self._start
        self.correct(elapsed * self._count / self._over - self._expected)
        self.done(elapsed - self._done)

    def _left(self) -> str:
        return super()._left() if self._over else ""
