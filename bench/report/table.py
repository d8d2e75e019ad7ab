"""A table as data, rendered for a terminal (rich) and as Markdown. Names in it come from data sets: neither form lets them act."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

# Wide enough for every table: rich would otherwise cut columns to 80 characters where there is no terminal.
WIDTH = 190
MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~@])")


@dataclass(frozen=True)
class Table:
    """Cells as plain text; `right` holds the indices of columns of numbers; `notes` stand below."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[int] = frozenset()
    notes: tuple[str, ...] = field(default=())


def printable(text: str) -> str:
    """Control characters, direction overrides and line separators replaced by U+FFFD: a class name must not move the cursor."""
    if text.isprintable():  # nearly every text, and a large run has hundreds of thousands
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char != "\n" else char
        for char in text
    )


def to_markdown(table: Table) -> str:
    """GitHub's Markdown; every special character of a cell is escaped."""
    rule = ["---:" if index in table.right else "---" for index in range(len(table.columns))]
    lines = [f"### {escape(table.title)}", "", _row(table.columns), "| " + " | ".join(rule) + " |", *map(_row, table.rows)]
    return "\n".join([*lines, "", *[f"{escape(note)}  " for note in table.notes], ""])


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return MARKDOWN.sub(r"\\\1", html.escape(printable(text).replace("\n", " "), quote=False))


def code(text: str) -> str:
    """Text as inline code; a backtick in it cannot end it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{printable(text).replace(chr(10), ' ')}{pad}{fence}"


def show(tables: list[Table], console: Console) -> None:
    """Print tables: columns as wide as their texts, and folded where the console has less room."""
    for table in tables:
        console.print(framed(table))
        for note in table.notes:
            console.print(Text(f"  {printable(note)}"))
        console.print()


def framed(table: Table, widths: Sequence[int] | None = None) -> RichTable:
    """The table for rich; cells are Text, so that markup in a name stays text. `widths`: of the columns, if not rich's to choose."""
    made = RichTable(title=Text(printable(table.title)), title_justify="left", title_style="bold")
    for index, name in enumerate(table.columns):
        width = None if widths is None else widths[index]
        made.add_column(Text(printable(name)), justify="right" if index in table.right else "left", overflow="fold", width=width)
    for row in table.rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
