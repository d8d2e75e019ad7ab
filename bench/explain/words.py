"""An explanation in sentences, each computed from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.explain.account import OUTSIDE
from bench.explain.found import Part, Side, Standing
from bench.report import words
from contract.protocol import Receipt

# Parts are named until they make up so much of the difference, but no more than three, and none below the least.
ENOUGH, MOST, LEAST = 0.8, 3, 0.05
# What works against the difference is named from here on.
AGAINST = -0.1
EAGER = "eager"
# What casts doubt: recording that costs so much of the difference, and shares that lie so far apart in two processes.
DEAR, APART = 0.25, 0.2
# Operators that ONNX Runtime's graph optimisation puts into the convolution before them.
FOLDED = ("normalisation", "activation", "elementwise")


def signed(ns: float) -> str:
    """-1_266_500 -> '-1.27 ms'."""
    return f"{'-' if ns < 0 else '+'}{words.duration(abs(ns))}"


def share(value: float) -> str:
    """0.834 -> '83 %'."""
    return f"{round(100 * value)} %"


def span(values: Sequence[float]) -> str:
    """(0.78, 0.834) -> '78 to 83 %'."""
    return f"{round(100 * min(values))} to {share(max(values))}"


def standing_line(a: Side, b: Side, stored: Standing, ratios: Sequence[float], *, differ: bool) -> str:
    """What comes first: whether there is a difference at all."""
    here = f"here {', '.join(f'{ratio:.3f}' for ratio in ratios)} in {len(ratios)} processes"
    if stored.why_not is not None:
        return f"The run cannot compare these two: {stored.why_not} ({here})"
    if stored.ratio is None:
        said = "they differ" if differ else "nor does this look tell"
        return f"The run has too few processes to tell whether these two differ; {said}: {here}"
    ratio = words.ratio(stored.ratio)
    if stored.verdict not in ("faster", "slower"):
        finds = "" if stored.mde is None else f"; it finds slow-downs from {words.percent(stored.mde)} on"
        times = f"{a.label} takes {ratio} times as long as {b.label}"
        return f"These two do not differ measurably: {times} in the run ({stored.verdict}{finds}; {here})"
    doubt = "" if differ else ". The processes of this look do not bear that out"
    return f"{a.label} takes {ratio} times as long as {b.label} in the run ({here}){doubt}"


def conclusion(a: Side, b: Side, parts: Sequence[Part], *, differ: bool) -> str:
    """Where the difference lies, in one sentence."""
    difference = a.wall_ns - b.wall_ns
    if not differ:
        return f"Nothing is shared out: the {signed(difference)} a forward seen here is no difference that can be explained."
    if any(part.share is None for part in parts):
        return f"{_longer(a, b)}; on CUDA ONNX Runtime records when kernels are launched, not how long they take: nothing is shared out."
    ranked = sorted((part for part in parts if part.share is not None), key=lambda part: -(part.share or 0.0))
    named: list[Part] = []
    for part in ranked:
        if len(named) == MOST or sum(each.share or 0.0 for each in named) >= ENOUGH or (part.share or 0.0) < LEAST:
            break
        named.append(part)
    first, *others = [_named(part, a, b) for part in named] or ["nothing stands out"]
    against = [f"{part.name} ({share(part.share or 0.0)})" for part in reversed(ranked) if (part.share or 0.0) <= AGAINST]
    work = f"; against it works {' and '.join(against)}" if against else ""
    return f"{_longer(a, b)}; of that, {', '.join([first, *others])}{work}."


def notes(a: Side, b: Side, parts: Sequence[Part]) -> list[str]:
    """What a reader must know to read the tables rightly."""
    costs = [(side, side.recorded_ns - side.forward_ns) for side in (a, b)]
    said = ", ".join(f"{side.label} {signed(cost)} a forward ({share(cost / side.forward_ns)})" for side, cost in costs)
    made = [f"recording costs {said}; it may stand in the operators' times, and then '{OUTSIDE}' is too small by as much"]
    shared = any(part.shares for part in parts)
    if shared and max(abs(cost) for _, cost in costs) > DEAR * abs(a.wall_ns - b.wall_ns):
        made.append(f"recording seems to cost more than {share(DEAR)} of the difference: take the shares for a hint, not for a measurement")
    apart = [part.name for part in parts if part.shares and max(part.shares) - min(part.shares) > APART]
    if apart:
        made.append(
            f"the processes do not agree on the share of {', '.join(apart)}: the machine was busy, or is noisy; look again when it is quiet"
        )
    for side, other in ((a, b), (b, a)):
        folded = ", ".join(name for name in FOLDED if _has(side, name) and not _has(other, name))
        if folded and other.cell.variant != EAGER:
            made.append(
                f"only {side.label} has operators of {folded}: in {other.label} they are part of others (ONNX Runtime puts what follows a"
                " convolution into it), and their time stands there"
            )
        if side.cell.variant == EAGER:
            made.append(
                f"the nodes of {side.label} are its layers, timed in forwards of their own; what is computed between layers is in none"
            )
    return made


def other_receipts(then: Mapping[str, Receipt], now: Mapping[str, Receipt]) -> list[str]:
    """Runtimes that are not what the run measured."""
    made = []
    for name, mine in now.items():
        was = then.get(name)
        if was is not None and (was.version, was.library_sha256, was.source) != (mine.version, mine.library_sha256, mine.source):
            made.append(f"{name} is not the build that the run measured: {was.version} then, {mine.version} now, or another file of it")
    return made


def _has(side: Side, family: str) -> bool:
    return any(kind.family == family for kind in side.kinds)


def _longer(a: Side, b: Side) -> str:
    slow, fast = (a, b) if a.wall_ns > b.wall_ns else (b, a)
    walls = f"{words.duration(slow.wall_ns)} against {words.duration(fast.wall_ns)}"
    return f"{slow.label} takes {words.duration(slow.wall_ns - fast.wall_ns)} longer a forward than {fast.label} ({walls})"


def _named(part: Part, a: Side, b: Side) -> str:
    fast = b if a.wall_ns > b.wall_ns else a
    place = {"stage": f"in the stage {part.name}", "outside": part.name}.get(part.kind, f"in {part.name}")
    spread = f"{span(part.shares)} in each of {len(part.shares)} processes"
    only = f", which {fast.label} has no operators of" if part.kind == "family" and not _has(fast, part.name) else ""
    return f"{share(part.share or 0.0)} lies {place} ({spread}){only}"
