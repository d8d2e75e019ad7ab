"""Whether the blocks of a run were measured as METHODOLOGY.md says: one at a time, and in rounds that read the same backwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import pairwise

from bench.evidence.raw import Line
from bench.measure.pairs import ALIKE
from contract.matrix import Cell


def wrong(lines: list[Line], cold: Collection[Cell] = ()) -> Iterator[str]:
    """A sentence for everything that is not so. `lines`: in the order in which they were measured; `cold`: cells of cold starts."""
    for one, following in pairwise(lines):
        if one.block.began_ns + sum(one.block.samples_ns) > following.block.began_ns:
            yield f"{following.cell}: a block begins before that of {one.cell} has ended"
    for (name, process, number), turns in _rounds(lines).items():
        cells = [line.cell for line in turns]
        if cold and set(cells) <= set(cold):
            if len(set(cells)) < len(cells) or any(line.block.half for line in turns):
                yield f"{name}, round {number}: a cell was started more than once"
            continue
        # A cell that fails in the middle of a round leaves half a palindrome behind: it has an error, and no blocks here.
        if cells != cells[::-1] or [line.block.half for line in turns] != [0] * (len(turns) // 2) + [1] * (len(turns) // 2):
            yield f"{name}, process {process}, round {number}: not in one order and then in that order reversed"
        if len({len(line.block.samples_ns) for line in turns}) > 1:
            yield f"{name}, process {process}, round {number}: some blocks have more samples than others"


def _rounds(lines: list[Line]) -> dict[tuple[str, int, int], list[Line]]:
    rounds: dict[tuple[str, int, int], list[Line]] = defaultdict(list)
    for line in lines:
        name = "/".join(str(getattr(line.cell, key)) for key in ALIKE)
        rounds[name, line.block.process, line.block.round].append(line)
    return rounds
