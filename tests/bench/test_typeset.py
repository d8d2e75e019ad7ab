"""Tables as text are what rich draws, whole."""

from __future__ import annotations

import io
import random

import pytest
from rich.console import Console

from bench.report import table, tables, typeset
from bench.report.table import WIDTH, Table
from tests.bench import made

SIGNS = ("a", "0.5", "日本語", "é", "e\u0301", "👩‍👩‍👧", "\u202e", "\n", "  ", "├──┤", "│", "┡", "┴", "[b]", "word" * 20, "w" * WIDTH)


def drawn(found: list[Table]) -> str:
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None)
    with console.capture() as caught:
        table.show(found, console)
    return caught.get()


@pytest.mark.parametrize("run", [made.results, made.hostile])
def test_a_run_looks_as_rich_draws_it(run):
    found = tables.all_tables(run())
    assert typeset.to_text(found) == drawn(found)


@pytest.mark.parametrize("seed", range(60))
def test_any_table_looks_as_rich_draws_it(seed):
    chosen = random.Random(seed)

    def text() -> str:
        return "".join(chosen.choices(SIGNS, (8, 8, 4, 4, 4, 2, 2, 2, 6, 2, 2, 2, 2, 2, seed % 3, seed % 5 == 4), k=chosen.randrange(9)))

    count = chosen.randrange(1, 9)
    columns = tuple(text() for _ in range(count))
    rows = [tuple(text() for _ in range(count)) for _ in range(chosen.randrange(12))]
    right = frozenset(chosen.sample(range(count), chosen.randrange(count + 1)))
    one = Table(text(), columns, rows, right, tuple(text() for _ in range(4)))
    assert typeset.to_text([one]) == drawn([one])
