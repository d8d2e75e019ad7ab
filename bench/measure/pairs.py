"""Which cells are compared with which, and in which groups they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol, TypeVar

from bench.measure.polish import Polished
from bench.results import Block
from contract.matrix import Cell

T = TypeVar("T")
Factor = Literal["runtime", "variant", "release"]
BASE_RUNTIME, BASE_VARIANT = "ort-python", "raw-dynamic"
# Behind a variant's name: the same file once more, a control and no variant (bench.measure.again).
AGAIN = " again"
# Behind a variant's name: the file of that name of the stored run that is gated against (bench.gate).
OLD = " old"
ALIKE = ("dataset", "backbone", "provider", "scenario", "batch")


def of(measured: Sequence[T], key: Callable[[T], Cell]) -> Iterator[tuple[T, T, Factor]]:
    """Each runtime against ort-python on the same variant (eager: on raw-dynamic), each variant against raw-dynamic, old and new files."""
    for one in measured:
        for base in measured:
            found = factor(key(one), key(base))
            if found is not None:
                yield one, base, found


def count(cells: Sequence[Cell]) -> int:
    """How many contrasts these cells make."""
    return sum(1 for _ in of(cells, key=lambda cell: cell))


def factor(cell: Cell, base: Cell) -> Factor | None:
    """What is studied when these two are compared, or None where they are no contrast."""
    if cell == base or not alike(cell, base):
        return None
    if base.variant == cell.variant + OLD and cell.runtime == base.runtime:
        return "release"
    if any(each.variant.endswith((AGAIN, OLD)) for each in (cell, base)):
        return None
    if cell.runtime != base.runtime and base.runtime == BASE_RUNTIME:
        eager = cell.variant == "eager" and base.variant == BASE_VARIANT
        return "runtime" if eager or cell.variant == base.variant else None
    return "variant" if cell.runtime == base.runtime and base.variant == BASE_VARIANT else None


def alike(cell: Cell, other: Cell) -> bool:
    """Whether two cells stand in one group: they differ in variant or runtime alone."""
    return all(getattr(cell, key) == getattr(other, key) for key in ALIKE)


class HasBlocks(Protocol):
    """A cell with what was measured of it."""

    @property
    def cell(self) -> Cell:
        """Which one."""

    @property
    def blocks(self) -> Sequence[Block]:
        """Its blocks."""


def polished(measured: Iterable[HasBlocks]) -> dict[Cell, Polished]:
    """For each cell its group with the levels taken out."""
    groups: dict[tuple[object, ...], dict[Cell, Sequence[Block]]] = {}
    for each in measured:
        groups.setdefault(tuple(getattr(each.cell, name) for name in ALIKE), {})[each.cell] = each.blocks
    return {cell: made for group in groups.values() for made in [Polished(group)] for cell in group}
