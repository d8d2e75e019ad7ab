"""The first node of a file that differs from a reference, and its minimal reproduction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from bench.blame import cut, reproduction
from bench.blame.graph import Graph, Step, read
from bench.blame.search import Array, difference, first, tolerated
from bench.blame.sides import Counted, Side
from contract.errors import UsageError

# The tolerance of each value, of which the reference's arrays are given; 0 where every bit is owed.
Tolerance = Callable[[dict[str, Array]], dict[str, float]]
# How many last places of its largest number a value may differ by in a reproduction.
LAST_PLACES = 10.0


@dataclass(frozen=True)
class Located:
    """Where a difference arises: these steps (one, where every value can be compared) write something else from the same inputs."""

    steps: tuple[Step, ...]
    value: str
    difference: float
    tolerance: float
    nodes: int
    matched: int
    sessions: int
    reproduction: Path | None
    origin: Literal["made", "inherited"] | None

    @property
    def step(self) -> Step:
        """The first of them that writes the value, or comes before the one that does."""
        return next((step for step in self.steps if self.value in step.writes), self.steps[0])


@dataclass(frozen=True)
class Ends:
    """The outputs of both sides for the image, which are compared before anything is searched."""

    expected: dict[str, Array]
    got: dict[str, Array]


def locate(
    model: onnx.ModelProto,
    suspect: Counted,
    reference: Side,
    names: Collection[str],
    tolerance: Tolerance,
    ends: Ends,
    image: Path,
    folder: Path | None,
) -> Located | None:
    """Find it, by bisection over the cuts of the graph whose values the reference knows by these names.

    `image`: the tensor that both sides were made for. `folder`: where the reproduction is written, None: nowhere. None when nothing differs
    at the outputs. Raises UsageError when the outputs have other names on the two sides.
    """
    graph = read(model)
    known = {value for value in graph.writers if value in names}
    if missing := [value for value in graph.outputs if value not in ends.expected or value not in ends.got]:
        raise UsageError(
            f"'{missing[0]}' is an output of one side only: the two cannot be compared", next="give two files with the same outputs"
        )
    probes = _Probes(graph, suspect, reference, tolerance)
    if not probes.compare(len(graph.steps), ends.expected, ends.got):
        return None
    low, high = first(graph.clean_cuts(known), lambda place: bool(probes.at(place)))
    found = probes.at(high)
    value = found[0]
    steps = graph.steps[low:high]
    expected = {value: probes.expected[value] for value in found}
    made = None
    if folder is not None:
        inputs = _inputs(model, graph, low, high, reference, known, image)
        if inputs is not None:
            part = cut.between(model, graph, low, high, inputs, found)
            reproduction.write(folder, part, inputs, expected, {name: probes.shown(name) for name in found}, _title(steps))
            made = reproduction.run(folder)
    return Located(
        steps=steps,
        value=value,
        difference=probes.gaps[value],
        tolerance=probes.limits[value],
        nodes=len(graph.steps),
        matched=sum(any(value in known for value in step.writes) for step in graph.steps),
        sessions=suspect.sessions + (made is not None),
        reproduction=folder if made is not None else None,
        origin=None if made is None else "made" if made else "inherited",
    )


class _Probes:
    """Cuts, compared at most once each."""

    def __init__(self, graph: Graph, suspect: Side, reference: Side, tolerance: Tolerance) -> None:
        self._graph, self._suspect, self._reference, self._tolerance = graph, suspect, reference, tolerance
        self._done: dict[int, tuple[str, ...]] = {}
        self.expected: dict[str, Array] = {}
        self.gaps: dict[str, float] = {}
        self.limits: dict[str, float] = {}

    def at(self, place: int) -> tuple[str, ...]:
        """The values of a cut that differ."""
        if place not in self._done:
            values = self._graph.cut(place)
            self.compare(place, self._reference.values(values), self._suspect.values(values))
        return self._done[place]

    def shown(self, value: str) -> float:
        """The tolerance in a reproduction: nodes alone are not fused as in the whole, so last bits do not count."""
        last_places = tolerated(self.expected[value], self.expected[value], LAST_PLACES)
        return max(self.limits[value], min(last_places, self.gaps[value] / 2))

    def compare(self, place: int, expected: dict[str, Array], got: dict[str, Array]) -> tuple[str, ...]:
        """The same, of values that are there already."""
        values = self._graph.cut(place)
        self.expected |= expected
        self.gaps |= {value: difference(expected[value], got[value]) for value in values}
        self.limits |= self._tolerance({value: expected[value] for value in values})
        self._done[place] = tuple(value for value in values if not self.gaps[value] <= self.limits[value])
        return self._done[place]


def _inputs(
    model: onnx.ModelProto, graph: Graph, low: int, high: int, reference: Side, known: Collection[str], image: Path
) -> dict[str, Array] | None:
    """The reference's inputs of some steps, or None where it does not have them all."""
    needed = cut.needs(model, graph, low, high)
    asked = [name for name in needed if name in graph.writers]
    if not set(asked) <= set(known):
        return None
    values = reference.values(asked) if asked else {}
    return {name: values[name] if name in values else np.load(image) for name in needed}


def _title(steps: tuple[Step, ...]) -> str:
    named = ", ".join(f"{step.op} '{step.name}'" for step in steps[:4])
    return named if len(steps) <= 4 else f"{named} and {len(steps) - 4} more"
