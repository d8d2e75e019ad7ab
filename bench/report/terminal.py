"""Tables for whoever reads a terminal, however narrow it is. What is no terminal gets them as wide as tables.txt has them.

Cells fold between words. Where not even single words have room side by side, each row is a list: half a number is another number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.report.table import WIDTH, Table, framed, printable
from bench.report.table import show as show_as_in_the_file

if TYPE_CHECKING:
    from bench.results import Results

# A word of more characters is a long name, a path or a hash, and may be folded; no number has as many.
LONGEST = 16
# What a column takes beside its text, blanks and a line, and the line at the end.
FRAME, EDGE = 3, 1
# Of each table of a run where they are made for a narrow terminal: rich takes milliseconds for a row, and thousands leave its buffer.
MOST_ROWS = 200


def stderr() -> Console:
    """Where a person reads. rich would take what is no terminal for 80 characters."""
    console = Console(stderr=True)
    return console if console.file.isatty() else Console(stderr=True, width=WIDTH)


def report(results: Results, folder: Path) -> None:
    """What a run found: its tables.txt, or for a narrower terminal the same, of a long table the first rows."""
    # Imported here, for doctor prints tables where scipy and what else makes these may be missing.
    from bench.report import summary, tables  # noqa: PLC0415

    console = stderr()
    if console.width >= WIDTH:
        console.print(Text((folder / "tables.txt").read_text(encoding="utf-8")), soft_wrap=True)
        return
    say(summary.headline(results).split("\n"), console)
    show([_shortened(table, folder) for table in tables.all_tables(results)], console)


def say(lines: Iterable[str], console: Console) -> None:
    """Print lines, and an empty one. They are not folded: a command that is copied from one stays one line."""
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)
    console.print()


def show(found: list[Table], console: Console) -> None:
    """Print tables within the console's width."""
    if console.width >= WIDTH:
        show_as_in_the_file(found, console)
        return
    for table in found:
        widths = fitting(table, console.width - FRAME * len(table.columns) - EDGE)
        if widths is None:
            _list(table, console)
        else:
            console.print(framed(table, widths))
        say((f"  {note}" for note in table.notes), console)


def fitting(table: Table, room: int) -> list[int] | None:
    """Widths of the columns that together take at most `room`: the widest give way first, and none below its longest word.

    None where the longest words alone take more.
    """
    columns = [[printable(text) for text in texts] for texts in zip(table.columns, *table.rows, strict=True)]
    least = [max((min(cell_len(word), LONGEST) for text in column for word in text.split()), default=1) for column in columns]
    most = [max(cell_len(line) for text in column for line in text.split("\n")) for column in columns]
    if sum(least) > room:
        return None
    widest = min(max(most, default=0), room)
    while sum(widths := [max(low, min(high, widest)) for low, high in zip(least, most, strict=True)]) > room:
        widest -= 1
    return widths


def _shortened(table: Table, folder: Path) -> Table:
    left = len(table.rows) - MOST_ROWS
    if left <= 0:
        return table
    return replace(table, rows=table.rows[:MOST_ROWS], notes=(f"… {left} more rows: see {folder / 'tables.txt'}", *table.notes))


def _list(table: Table, console: Console) -> None:
    console.print(Text(printable(table.title), style="bold"))
    names = min(max(cell_len(printable(name)) for name in table.columns), console.width // 2)
    for number, row in enumerate(table.rows):
        if number:
            console.print()
        made = RichTable.grid(padding=(0, 2, 0, 0))
        made.add_column(width=names, overflow="fold")
        made.add_column(overflow="fold")
        for name, cell in zip(table.columns, row, strict=True):
            made.add_row(Text(printable(name)), Text(printable(cell)))
        console.print(made)
