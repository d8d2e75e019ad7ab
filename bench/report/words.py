"""Numbers as words, at the edge and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.results import Interval, Noise, ParityRow, Results
from bench.stats import LEAST_FOR
from contract.manifest import Accuracy
from contract.predicting import STAGES
from contract.weights import started

# What happens to an image, in order; JSON has its keys in another one.
ORDER = ("read", *STAGES, "logits", "top-1", "label")


def duration(nanoseconds: float) -> str:
    """1_266_500 -> '1.27 ms'."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= 0.99995 * size:  # so that no 999,960 ns becomes "1000.0 us"
            return f"{nanoseconds / size:.{_digits(nanoseconds / size)}f} {unit}"
    return f"{nanoseconds:.0f} ns"


def duration_interval(interval: Interval | None, middle: float | None) -> str:
    """Median with its interval; the bare median says that it has none."""
    if interval is None:
        return "no samples" if middle is None else f"{duration(middle)} (no interval)"
    return f"{duration(interval.value)} [{duration(interval.low)}, {duration(interval.high)}]"


def percentile(value: float | None, samples: int, percent: int) -> str:
    """The percentile, or how many of the needed samples there are."""
    return duration(value) if value is not None else f"n/a ({samples} of {LEAST_FOR[percent]})"


def ratio(interval: Interval | None) -> str:
    """A time ratio with its interval."""
    return "n/a (too few processes)" if interval is None else f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def rate(interval: Interval | None) -> str:
    """Images per second with the interval."""
    if interval is None:
        return "n/a (too few samples)"
    digits = _digits(interval.value)
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def in_order(split: Mapping[str, float]) -> list[tuple[str, float]]:
    """The parts of a sample as an image goes through them; others follow as they came."""
    return sorted(split.items(), key=lambda part: ORDER.index(part[0]) if part[0] in ORDER else len(ORDER))


def slowdown(share: float) -> str:
    """A smallest slow-down that would be found: '1.2 %', and no digits where hardly anything would be."""
    return percent(share) if share < 1 else "above 100 %"


def percent(share: float) -> str:
    """0.00994 -> '0.99 %'."""
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"


def accuracy(value: Accuracy | None) -> str:
    """Share of correct answers with the Wilson interval and the counts behind it."""
    if value is None:
        return "n/a"
    return f"{100 * value.correct / value.total:.1f} % [{100 * value.low:.1f}, {100 * value.high:.1f}] ({value.correct} of {value.total})"


def claim(differing: int, images: int, bound: float) -> str:
    """What so many images show: '0 of 300 differ: below 1.00 % with 95 % confidence'."""
    return f"{differing} of {images} differ: {below(images, bound)} with 95 % confidence" if images else "nothing compared"


def parity_verdict(row: ParityRow) -> str:
    """One word or two for a row of the gate."""
    if not row.judged:
        return "nothing judged"
    if not row.passed:
        return "FAIL"
    return "pass" if row.claim is None or row.claim.supported else "claim not supported"


def alarms(noise: Noise) -> str:
    """How often equal programs were called different, with the bound that so few pairs support."""
    if noise.bound is None:
        return "no pair of equal programs was measured often enough to say how often this machine misleads"
    return (
        f"{noise.alarms} of {noise.judged} pairs of equal programs were called different: a false-alarm rate"
        f" {below(noise.judged, noise.bound)} with 95 % confidence"
    )


def points(share: float) -> str:
    """0.0033 -> '0.33': percentage points, signed where negative."""
    return f"{100 * share:.2f}"


def below(images: int, bound: float) -> str:
    """A bound, rounded up: rounded to the nearest, it would claim more than was shown."""
    steps = 10_000 if bound < 0.1 else 1000
    return f"below {percent(math.ceil(bound * steps - 1e-9) / steps)}" if images else "-"


def small(number: float) -> str:
    """A logit difference."""
    return "0" if number == 0 else f"{number:.2g}"


def reference(results: Results) -> str:
    """What the run compares with."""
    return " and ".join(dict.fromkeys(each.reference for each in results.subjects)) or "the reference"


def backbone(results: Results, dataset: str, name: str) -> str:
    """The backbone with the weights that it started from: every table says so when they are random. With its data set if there are more."""
    shown = f"{dataset}/{name}" if len(results.datasets) > 1 else name
    had = results.weights_had.get((dataset, name))
    return shown if had is None else started(shown, had)


def short(text: str, characters: int) -> str:
    """The text, or its beginning where it has more characters."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _digits(number: float) -> int:
    return 0 if number >= 1000 else 1 if number >= 100 else 2
