"""From sums to words: the faults worst first, and the one to blame with what it looks like."""

from __future__ import annotations

from bench.ledger.found import Blame, Cause, StageFault
from bench.ledger.stages import TENSORS
from bench.report import words

# Below this share a cause is not called one.
EXPLAINS = 0.5
# What JPEG decoders are known to differ by (parity.md 2.2): the largest difference, and the share of values.
DECODERS_MOST, DECODERS_SHARE = 8, 0.7


def rank(faults: list[StageFault], flips: int) -> tuple[StageFault, ...]:
    """Worst first: who changes most labels by itself behind the logits, then who makes most of the logits' difference."""
    behind = {"top-1": 1, "label": 1}
    return tuple(
        sorted(faults, key=lambda fault: (-(behind.get(fault.stage, 0) and fault.flips > flips / 2), -(fault.effect or 0), -fault.images))
    )


def blame(faults: tuple[StageFault, ...], images: int) -> Blame | None:
    """The stage to blame and one sentence, or None where no stage makes a difference of its own."""
    if not faults:
        return None
    worst, *others = faults
    said = f"{worst.stage} is to blame (made there in {worst.images} of {images} images{_effect(worst)}): {diagnosis(worst)}"
    also = "; ".join(f"{fault.stage} ({fault.images} of {images}{_effect(fault)}: {diagnosis(fault)})" for fault in others)
    return Blame(worst.stage, f"{said}; also {also}" if also else said)


def diagnosis(fault: StageFault) -> str:
    """What the fault looks like: the cause with its share, or plainly that none is known."""
    best = fault.causes[0] if fault.causes else None
    if best is not None and best.explained >= EXPLAINS:
        return f"{best.name} {_share(best)}"
    if fault.stage not in TENSORS:
        return fault.seen
    if best is None:
        return f"no known cause explains any of it ({fault.seen})"
    return f"no known cause explains more than {words.percent(best.explained)} (that is: {best.name}; {fault.seen})"


def seen(stage: str, most: float, share: float, jpeg: bool) -> str:
    """The difference in numbers, with what JPEG decoders are known to do."""
    said = f"differences of at most {most:g} on {words.percent(share)} of the values"
    like = stage == "decode" and jpeg and 0 < most <= DECODERS_MOST and share <= DECODERS_SHARE
    return f"{said}: it looks like another JPEG decoder" if like else said


def _share(cause: Cause) -> str:
    if cause.exact == cause.images:
        return "explains every value"
    # Rounded down: 100 % is said of every value alone.
    return f"explains {min(int(1000 * cause.explained) / 10, 99.9):g} %"


def _effect(fault: StageFault) -> str:
    parts = [f"{words.percent(fault.effect)} of the effect on the logits"] if fault.effect is not None else []
    parts += [f"{fault.flips} labels"] if fault.flips else []
    return "".join(f", {part}" for part in parts)
