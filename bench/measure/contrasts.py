"""Contrasts: which cells are compared, whether they may be, and what their paired blocks say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench import ratios
from bench.measure import pairs
from bench.measure.again import Graphs, same_program
from bench.measure.comparable import not_comparable
from bench.measure.polish import Polished, Ratio
from bench.results import Contrast, Measured
from contract.protocol import Receipt


@dataclass(frozen=True)
class Seen:
    """Two cells and what their common rounds say, before anything is judged."""

    one: Measured
    base: Measured
    factor: pairs.Factor
    why_not: str | None
    processes: list[Ratio]

    @property
    def share(self) -> float:
        """What the look that ended their measuring may spend of alpha."""
        return min(self.one.alpha_share, self.base.alpha_share)

    @property
    def evidence(self) -> ratios.Evidence | None:
        """None where the two are not comparable, or have too few processes in common."""
        return None if self.why_not is not None else ratios.evidence([each.log for each in self.processes])


def contrast_all(
    cells: list[Measured],
    receipts: Mapping[str, Receipt],
    same_graph: Graphs,
    equivalent: float,
) -> list[Contrast]:
    """All contrasts of a run, judged as one family.

    `same_graph`: (dataset, backbone, variant, other variant) -> whether their structural hashes are equal.
    """
    # Cold starts have no palindromic rounds: their ratios stand in their own table.
    cells = [each for each in cells if each.kind != "cold"]
    polished = pairs.polished(cells)
    seen = [look(one, base, factor, receipts, polished[one.cell]) for one, base, factor in pairs.of(cells, key=lambda cell: cell.cell)]
    p_values = [ratios.p_value(each.evidence, each.share) for each in seen]
    comparable = [each.why_not is None for each in seen]
    family = iter(ratios.holm([p for p, judged in zip(p_values, comparable, strict=True) if judged]))
    return [
        judge(each, p, next(family) if judged else 1.0, equivalent, same_graph)
        for each, p, judged in zip(seen, p_values, comparable, strict=True)
    ]


def look(one: Measured, base: Measured, factor: pairs.Factor, receipts: Mapping[str, Receipt], group: Polished) -> Seen:
    """Two cells of a group side by side."""
    why = not_comparable(one, base, receipts)
    return Seen(one, base, factor, why, [] if why else group.ratios(one.cell, base.cell))


def judge(seen: Seen, p: float, family_p: float, equivalent: float, same_graph: Graphs) -> Contrast:
    """One contrast with its verdict."""
    one, base, found = seen.one.cell, seen.base.cell, seen.evidence
    return Contrast(
        cell=one,
        base=base,
        factor=seen.factor,
        ratio=ratios.interval(found, seen.share),
        p=p,
        family_p=family_p,
        mde=ratios.smallest_detectable(found),
        verdict=None if seen.why_not else ratios.verdict(found, equivalent, p, family_p, seen.share),
        processes=len(seen.processes),
        rounds=sum(each.rounds for each in seen.processes),
        not_comparable=seen.why_not,
        # Two runtimes on one file are no control, although the graph is the same.
        same_graph=same_program(one, base, same_graph),
    )
