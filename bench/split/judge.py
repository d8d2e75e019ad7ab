"""What each step of a chain costs, judged as the bench judges its contrasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bench import ratios
from bench.measure import contrasts, pairs
from bench.results import Contrast, Measured
from bench.split.programs import Chain
from contract.protocol import Receipt


@dataclass(frozen=True)
class Step:
    """One step, or all of them: `contrast` is the time of `cell` over that of `base`; `logs`: its log ratio in each generation."""

    isolates: str
    contrast: Contrast
    logs: tuple[float, ...]


@dataclass(frozen=True)
class Judged:
    """The steps in order, the first program against the last one, and which step is what remains."""

    steps: tuple[Step, ...]
    total: Step
    remains: str


def judge(chain: Chain, cells: Sequence[Measured], receipts: Mapping[str, Receipt], equivalent: float) -> Judged:
    """Judge all steps and their sum as one family. Raises ValueError for a program that was not measured.

    The log ratios of the steps add up to the total's in every generation, because all are taken over the same rounds.
    """
    measured = {each.cell.runtime: each for each in cells if not each.cell.variant.endswith(pairs.AGAIN)}
    if set(measured) != set(chain.names):
        raise ValueError(f"not measured: {', '.join(sorted(set(chain.names) - set(measured)))}")
    group = next(iter(pairs.polished(cells).values()))
    first, *_, last = chain.programs
    wanted = [(after.isolates, after, before, after.differs) for before, after in pairwise(chain.programs)]
    wanted.append(("all of it", last, first, frozenset()))
    seen = []
    for _, one, base, differs in wanted:
        sides = [_without(measured[program.name], differs) for program in (one, base)]
        seen.append(contrasts.look(sides[0], sides[1], "runtime", receipts, group))
    p_values = [ratios.p_value(each.evidence, each.share) for each in seen]
    judged = [contrasts.judge(*each, equivalent, {}) for each in zip(seen, p_values, ratios.holm(p_values), strict=True)]
    *steps, total = [
        Step(isolates, contrast, tuple(ratio.log for ratio in each.processes))
        for (isolates, *_), contrast, each in zip(wanted, judged, seen, strict=True)
    ]
    return Judged(tuple(steps), total, chain.remains)


def _without(cell: Measured, keys: frozenset[str]) -> Measured:
    """A cell without the options in which a step differs by intent: all others must be equal."""
    return replace(cell, options={key: value for key, value in cell.options.items() if key not in keys})
