"""Tables as plain text: the very text that rich draws, of which rich draws only the frame, and folds what has to be folded.

rich takes a millisecond for a row, and a large run has tens of thousands.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.report.table import WIDTH, Table, framed, printable


def to_text(tables: Sequence[Table]) -> str:
    """The tables and their notes, WIDTH characters wide where they need so many."""
    return "".join(f"{line}\n" for table in tables for line in (*_lines(table), *_notes(table), ""))


def _lines(table: Table) -> Iterator[str]:
    widths = _widths(table)
    *head, bottom = _drawn(framed(replace(table, rows=()), widths))
    yield from head
    for row in table.rows:
        cells = [
            _cell(printable(text), width, right=index in table.right) for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        for parts in zip_longest(*cells):
            yield f"│ {' │ '.join(' ' * width if part is None else part for part, width in zip(parts, widths, strict=True))} │"
    yield bottom


def _notes(table: Table) -> Iterator[str]:
    for note in table.notes:
        text = f"  {printable(note)}"
        if "\n" not in text and cell_len(text) <= WIDTH:
            yield text
        else:
            yield from _drawn(Text(text))


def _widths(table: Table) -> list[int]:
    """The widths that rich chooses: they follow from the longest line and the longest word of each column, so it is shown those alone."""
    if not table.rows:
        return _of_frame(table)
    columns = [[printable(row[index]) for row in table.rows] for index in range(len(table.columns))]
    longest = [max(column, key=lambda text: max(map(cell_len, text.split("\n")))) for column in columns]
    words = [max(column, key=lambda text: max(map(cell_len, text.split()), default=0)) for column in columns]
    return _of_frame(replace(table, rows=[tuple(longest), tuple(words)]))


def _of_frame(table: Table) -> list[int]:
    bottom = _drawn(framed(table))[-1]
    return [len(part) - 2 for part in bottom[1:-1].split("┴")]


def _cell(text: str, width: int, *, right: bool) -> list[str]:
    """The lines of a cell, padded; rich folds those that are too long."""
    lines = text.split("\n")
    if any(cell_len(line) > width for line in lines):
        lines = [line.plain for line in Text(text).wrap(_console(), width, overflow="fold")]
    if right:
        return [" " * (width - cell_len(line.rstrip())) + line.rstrip() for line in lines]
    return [line + " " * (width - cell_len(line)) for line in lines]


def _drawn(what: RichTable | Text) -> list[str]:
    console = _console()
    with console.capture() as caught:
        console.print(what)
    return caught.get().split("\n")[:-1]


@cache
def _console() -> Console:
    return Console(width=WIDTH, file=io.StringIO(), color_system=None)
