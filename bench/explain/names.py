"""The name of a cell, as a user types it: the words that the reports' tables print, with / between them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.report.table import printable
from contract.errors import UsageError, nearest
from contract.matrix import Cell, Hole

SHOWN = 12
# What a name may hold where it becomes part of a file's name.
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def name(cell: Cell, among: Sequence[Cell]) -> str:
    """backbone/variant/runtime/scenario, as resnet18/raw-dynamic/ort-rust/latency.

    The data set stands before it, the provider before the scenario, and the batch behind it, where cells of the run differ in them.
    """
    dataset = [cell.dataset] if len({each.dataset for each in among}) > 1 else []
    provider = [cell.provider] if len({each.provider for each in among}) > 1 else []
    batches = {each.batch for each in among if each.scenario == cell.scenario}
    scenario = f"{cell.scenario}-{cell.batch}" if len(batches) > 1 else cell.scenario
    return "/".join([*dataset, cell.backbone, cell.variant, cell.runtime, *provider, scenario])


def find(text: str, cells: Sequence[Cell], holes: Sequence[Hole] = ()) -> Cell:
    """The cell of that name; fewer of its words will do, in any order, where they are those of one cell only.

    Raises UsageError with the nearest names, with the cells that a name could be, or with the reason why it was not measured.
    """
    names = {name(cell, cells): cell for cell in cells}
    if text in names:
        return names[text]
    words = text.split("/")
    fitting = [each for each, cell in names.items() if _fits(words, cell)]
    if len(fitting) == 1:
        return names[fitting[0]]
    if fitting:
        more = f", … ({len(fitting)} in all)" if len(fitting) > SHOWN else ""
        raise UsageError(
            printable(f"'{text}' could be {len(fitting)} cells: {', '.join(fitting[:SHOWN])}{more}"),
            where="--explain",
            next="add words of its name",
        )
    left_out = next((hole for hole in holes if _fits(words, hole.cell)), None)
    if left_out is not None:
        raise UsageError(printable(f"'{text}' was not measured: {left_out.why}"), where="--explain", next="choose a cell that has a time")
    raise UsageError(
        printable(f"unknown cell '{text}'; {nearest(text, names)}"),
        where="--explain",
        next="a name is backbone/variant/runtime/scenario, in the words of reports/latest/summary.md",
    )


def labels(one: Cell, other: Cell) -> tuple[str, str]:
    """What tells two cells apart, short enough for the head of a column: ("torch-eager", "ort-python raw-dynamic")."""

    def label(cell: Cell, than: Cell) -> str:
        parts = [cell.runtime] if cell.runtime != than.runtime else []
        parts += [cell.variant] if cell.variant not in (than.variant, "eager") else []
        parts += [cell.provider] if cell.provider != than.provider else []
        return " ".join(parts)

    return label(one, other), label(other, one)


def file_name(one: str, other: str) -> str:
    """explain-<a>-<b>, without what a file's name must not hold."""
    return f"explain-{UNSAFE.sub('-', one)}-{UNSAFE.sub('-', other)}"


def _fits(words: Sequence[str], cell: Cell) -> bool:
    known = {cell.dataset, cell.backbone, cell.variant, cell.runtime, cell.provider, cell.scenario, f"{cell.scenario}-{cell.batch}"}
    return known.issuperset(words)
