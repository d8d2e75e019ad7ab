"""What a stored run says of two of its cells, which of them may be compared, and whether they can be looked at again."""

from __future__ import annotations

from bench import ratios
from bench.explain import names
from bench.explain.found import Standing
from bench.measure import pairs
from bench.measure.comparable import not_comparable
from bench.results import Interval, Measured, Results, Verdict
from contract.errors import UsageError

# What two cells may differ in; the rest decides what is computed, and for what.
FACTORS = ("runtime", "variant")
OPPOSITE: dict[Verdict | None, Verdict | None] = {"faster": "slower", "slower": "faster"}


def measured(results: Results, one: str, other: str) -> tuple[Measured, Measured]:
    """The two cells of these names. Raises UsageError for one that there is not, that has no time, and for two that do not compare."""
    found = {each.cell: each for each in results.cells}
    cells = list(found)
    a, b = (found[names.find(text, cells, results.holes)] for text in (one, other))
    if a.cell == b.cell:
        raise UsageError(f"'{one}' and '{other}' are the same cell", where="--explain", next="name two")
    for side in (a, b):
        if side.error is not None:
            raise UsageError(
                f"{names.name(side.cell, cells)} has no time: {side.error}", where="--explain", next="choose cells that were measured"
            )
        if side.cell.variant.endswith(pairs.OLD):
            raise UsageError(
                f"{names.name(side.cell, cells)} is a file of the run that was gated against",
                where="--explain",
                next="choose cells of this run",
            )
        if side.cell.variant.endswith(pairs.AGAIN):
            raise UsageError(
                f"{names.name(side.cell, cells)} is the same file once more, as a control: there is nothing to explain",
                where="--explain",
                next="choose another cell",
            )
        if side.kind in ("load", "cold"):
            timed = "how a session is created: no operator runs" if side.kind == "load" else "fresh processes, and hardly any operator"
            raise UsageError(
                f"{names.name(side.cell, cells)} times {timed}",
                where="--explain",
                next="choose latency, throughput or e2e",
            )
    differing = [key for key in a.cell.__dataclass_fields__ if key not in FACTORS and getattr(a.cell, key) != getattr(b.cell, key)]
    if differing:
        raise UsageError(
            f"they differ in {' and '.join(differing)}, and so do other things than one forward each",
            where="--explain",
            next="choose two cells that differ in runtime and variant only",
        )
    return a, b


def standing(results: Results, a: Measured, b: Measured) -> Standing:
    """Their contrast, in the direction that was asked for; of two without one, what the same paired blocks say."""
    for each in results.contrasts:
        if (each.cell, each.base) == (a.cell, b.cell):
            return Standing(each.ratio, each.verdict, each.mde, each.not_comparable)
        if (each.cell, each.base) == (b.cell, a.cell):
            return Standing(_inverse(each.ratio), OPPOSITE.get(each.verdict, each.verdict), each.mde, each.not_comparable)
    why = not_comparable(a, b, results.receipts)
    polished = pairs.polished(results.cells)
    found = None if why else ratios.evidence([each.log for each in polished[a.cell].ratios(a.cell, b.cell)])
    share = min(a.alpha_share, b.alpha_share)
    # Chosen by a user, by itself: no family of contrasts is there to be corrected for.
    p = ratios.p_value(found, share)
    verdict = None if why else ratios.verdict(found, results.equivalent, p, p, share)
    return Standing(ratios.interval(found, share), verdict, ratios.smallest_detectable(found), why)


def _inverse(ratio: Interval | None) -> Interval | None:
    return None if ratio is None else Interval(1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
