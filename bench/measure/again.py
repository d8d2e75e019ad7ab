"""A dedicated pair of equal programs for a site that has none: one of its files once more, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from bench.measure.pairs import AGAIN, BASE_RUNTIME, BASE_VARIANT, alike
from contract.matrix import Cell, Scenario

# (data set, backbone, variant, other variant) -> whether their structural hashes are equal.
Graphs = Mapping[tuple[str, str, str, str], bool]
Scenarios = Sequence[tuple[Scenario, list[tuple[Cell, Path]]]]


def same_program(one: Cell, other: Cell, graphs: Graphs) -> bool:
    """Whether what tells these two cells apart is known to be no difference: one runtime, and one graph."""
    if one.runtime != other.runtime or not alike(one, other):
        return False
    first, second = one.variant.removesuffix(AGAIN), other.variant.removesuffix(AGAIN)
    return first == second or graphs.get((one.dataset, one.backbone, first, second), False)


def with_control(scenarios: Scenarios, graphs: Graphs) -> Scenarios:
    """The scenarios of a site, with a pair of equal programs among their cells: without one nobody could say how often they mislead."""
    if any(same_program(one, other, graphs) for _, cells in scenarios for (one, _), (other, _) in combinations(cells, 2)):
        return scenarios
    place = next((place for place, (_, cells) in enumerate(scenarios) if cells), None)
    if place is None:
        return scenarios
    scenario, cells = scenarios[place]
    cell, model = min(cells, key=lambda pair: (pair[0].runtime != BASE_RUNTIME, pair[0].variant != BASE_VARIANT))
    twin = (replace(cell, variant=cell.variant + AGAIN), model)
    return [*scenarios[:place], (scenario, [*cells, twin]), *scenarios[place + 1 :]]
