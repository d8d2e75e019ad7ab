"""What is going on and what is left: a live display on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from train.fit.state import Epoch  # it imports torch

T = TypeVar("T")
# Hands items on, and shows how far it is.
Over = Callable[[Iterable[T]], Iterator[T]]
# Of a download whose size nobody says, a line comes with every so many bytes.
UNSIZED = 50_000_000


class Reporter:
    """Says what one training does; `title` is dataset/backbone."""

    def __init__(self, title: str, console: Console, live: Progress | None) -> None:
        self._title, self._console, self._live = title, console, live

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(f"{self._title}: {text}", highlight=False, markup=False, soft_wrap=True)

    def epoch(self, row: Epoch, of: int) -> None:
        """One line an epoch."""
        self.say(
            f"{row.phase} epoch {row.number} of {of}: loss {row.train_loss:.3f}, train {row.train_accuracy:.1%}, "
            f"val loss {row.val_loss:.3f}, val {row.val_accuracy:.1%}, {row.seconds:.1f} s"
        )

    def over(self, items: Iterable[T], total: int, what: str) -> Iterator[T]:
        """Pass items through, with a bar on a terminal."""
        if self._live is None:
            yield from items
            return
        task: TaskID = self._live.add_task(f"{self._title}: {what}", total=total)
        try:
            for item in items:
                yield item
                self._live.advance(task)
        finally:
            self._live.remove_task(task)


@contextmanager
def receiving(name: str, total: int | None, done: int) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on a terminal, a dozen lines elsewhere; call what it gives with each block's length. `done`: bytes that are there."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with _in_lines(name, total, done, console) as came:
            yield came
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as live:
        task = live.add_task(name, total=total, completed=done)
        yield lambda length: live.advance(task, length)


@contextmanager
def _in_lines(name: str, total: int | None, done: int, console: Console) -> Iterator[Callable[[int], None]]:
    """A line at the beginning, with each tenth, and at the end where that was none."""
    here, told = done, -1

    def tell() -> None:
        nonlocal told
        told = here
        of = f" of {total / 1e6:.1f}" if total else ""
        console.print(f"{name}: {here / 1e6:.1f}{of} MB", highlight=False, markup=False, soft_wrap=True)

    def part() -> int:
        return 10 * here // total if total else here // UNSIZED

    def came(length: int) -> None:
        nonlocal here
        before = part()
        here += length
        if part() > before:
            tell()

    tell()
    yield came
    if told != here:
        tell()


@contextmanager
def reporter(title: str) -> Iterator[Reporter]:
    """A reporter for as long as one training lasts."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Reporter(title, console, None)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as live:
        yield Reporter(title, console, live)
