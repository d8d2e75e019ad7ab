"""A split as Markdown: for the run's folder, and for METHODOLOGY.md between its two marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.table import Table, to_markdown
from bench.results import Interval, Noise
from bench.split.judge import Judged, Step

BEGIN, END = "<!-- split: written by `python -m bench split --write`; do not edit -->", "<!-- end of split -->"


@dataclass(frozen=True)
class Split:
    """One backbone's chain. `day`: when it was measured; `command`: how."""

    subject: str
    machine: str
    command: str
    day: str
    seconds: float
    threads: int
    judged: Judged
    noise: Noise


def markdown(splits: Sequence[Split]) -> str:
    """One table for each backbone."""
    return "\n".join(to_markdown(table(each)) for each in splits)


def table(split: Split) -> Table:
    """Steps, what remains, and all of it."""
    judged = split.judged
    rows = [_row(step, remains=step.contrast.cell.runtime == judged.remains) for step in judged.steps]
    rows.append(_row(judged.total, remains=False))
    columns = ("from", "to", "what changes", "time", "95 % interval", "would be found", "verdict")
    title = f"{split.subject}: Python against Rust, step by step"
    return Table(title, columns, rows, frozenset({3, 4, 5}), tuple(notes(split)))


def notes(split: Split) -> list[str]:
    """What the table was made of, and what it can resolve."""
    total = split.judged.total.contrast
    mdes = [step.contrast.mde for step in split.judged.steps if step.contrast.mde is not None]
    where = f"{split.command}: {split.day}, {split.machine}, {split.threads} threads"
    said = [f"{where}; {split.seconds:.0f} s, {total.processes} generations of processes, {total.rounds} rounds."]
    if mdes:
        span = f"Between {min(mdes):.1%} and {max(mdes):.1%} here"
        said.append(
            f"Would be found: the slow-down that 95 % of such runs call one. {span}: a smaller step stays inconclusive; that is not zero."
        )
    else:
        said.append("Too few generations for any interval: give it more --seconds.")
    for control in split.noise.controls:
        if control.ratio is not None:
            called = "called different" if control.different else "not called different"
            said.append(f"The first program against itself: {_share(control.ratio.value)} {_interval(control.ratio)}, {called}.")
    disturbed = sum(split.noise.disturbed.values())
    said.append(
        f"{disturbed} of {split.noise.rounds} rounds were disturbed and count for nothing." if disturbed else "No round was disturbed."
    )
    return said


def _row(step: Step, *, remains: bool) -> tuple[str, ...]:
    found, ratio = step.contrast, step.contrast.ratio
    verdict = f"not comparable: {found.not_comparable}" if found.not_comparable else str(found.verdict)
    numbers = ("n/a", "n/a") if ratio is None else (_share(ratio.value), _interval(ratio))
    mde = "n/a" if found.mde is None else f"{found.mde:.1%}"
    return (found.base.runtime, found.cell.runtime, step.isolates, *numbers, mde, verdict + (" (remains)" if remains else ""))


def _share(ratio: float) -> str:
    return f"{ratio - 1:+.2%}"


def _interval(ratio: Interval) -> str:
    return f"[{_share(ratio.low)}, {_share(ratio.high)}]"
