"""Which cells are compared with which, and the quads that two of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

from bench import ratios
from bench.results import Block
from contract.matrix import Cell

T = TypeVar("T")
Factor = Literal["runtime", "variant"]
BASE_RUNTIME, BASE_VARIANT = "ort-python", "raw-dynamic"
ALIKE = ("dataset", "backbone", "provider", "scenario", "batch")


def of(measured: Sequence[T], key: Callable[[T], Cell]) -> Iterator[tuple[T, T, Factor]]:
    """Each runtime against ort-python on the same variant (eager: on raw-dynamic), each variant against raw-dynamic within a runtime."""
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
    if cell.runtime != base.runtime and base.runtime == BASE_RUNTIME:
        eager = cell.variant == "eager" and base.variant == BASE_VARIANT
        return "runtime" if eager or cell.variant == base.variant else None
    return "variant" if cell.runtime == base.runtime and base.variant == BASE_VARIANT else None


def alike(cell: Cell, other: Cell) -> bool:
    """Whether two cells stand in one group: they differ in variant or runtime alone."""
    return all(getattr(cell, key) == getattr(other, key) for key in ALIKE)


def quads(one: Sequence[Block], base: Sequence[Block]) -> list[list[float]]:
    """Log ratios of the ABBA quads that both cells have complete and undisturbed, per process."""
    sides = [
        {(block.process, block.round, int(block.half)): block.samples_ns for block in each if not block.disturbed} for each in (one, base)
    ]
    found: dict[int, list[float]] = {}
    for process, number, half in sorted(sides[0]):
        keys = [(process, number, 0), (process, number, 1)]
        if half == 0 and all(key in side for side in sides for key in keys):
            first, second = ((side[keys[0]], side[keys[1]]) for side in sides)
            found.setdefault(process, []).append(ratios.quad_log_ratio(first, second))
    return list(found.values())
