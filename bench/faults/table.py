"""The kill matrix as Markdown: for the run's folder, and for METHODOLOGY.md between its two marks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench import document
from bench.faults.every import FAULTS
from bench.faults.others import FEW_IMAGES

if TYPE_CHECKING:
    from bench.faults.verdict import Verdict

BEGIN, END = "<!-- faults: written by `nox -s faults -- --write`; do not edit -->", "<!-- end of faults -->"


def markdown(verdict: Verdict) -> str:
    """Summary lines and the table."""
    strongest = verdict.strongest()
    tried = len(strongest)
    seen = {name: sum(getattr(each.others, name) for each in strongest if each.others) for name in ("allclose", "top1", "accuracy")}
    judged = f"{verdict.caught} of {tried} faults caught, {verdict.blamed} of {tried} blamed on the right stage"
    clean = f"{len(verdict.false_alarms)} false alarms in {verdict.clean_runs} clean runs"
    plan = verdict.plan
    of = f"{plan.subject}, {plan.variant}, {plan.runtime}, {plan.images} images"
    close = f"Of the same faults `allclose` on a random tensor (1e-5) notices {seen['allclose']}"
    lines = [
        f"{judged}, {clean}; {of}.",
        f"{close}, top-1 on {FEW_IMAGES} images {seen['top1']}, accuracy within 1 % {seen['accuracy']}.",
        "",
        "| fault | what | stage | caught by | blamed on | smallest dose caught | allclose | top-1 on 32 | accuracy |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in strongest:
        fault, other = FAULTS[each.fault], each.others
        marks = (
            ("-", "-", "-")
            if other is None
            else tuple("caught" if hit else "blind" for hit in (other.allclose, other.top1, other.accuracy))
        )
        caught = ", ".join(each.caught) or "**NOT CAUGHT**"
        blamed = each.blamed or "nothing"
        right = blamed if blamed == fault.stage else f"**{blamed}**"
        lines.append(
            f"| {fault.name} | {fault.says} | {fault.stage} | {caught} | {right} | {smallest(verdict, each.fault)} | {' | '.join(marks)} |"
        )
    lines += ["", *[f"* false alarm: {each}" for each in verdict.false_alarms]]
    return "\n".join(lines).rstrip() + "\n"


def smallest(verdict: Verdict, name: str) -> str:
    """The weakest dose that was caught, among those tried."""
    doses = FAULTS[name].doses
    caught = [each.dose for each in verdict.outcomes if each.fault == name and each.caught]
    if not caught:
        return "none"
    if len(doses) == 1:
        return "-"
    return f"{caught[-1]:g} of {', '.join(f'{dose:g}' for dose in doses)}"


def write(text: str, path: Path) -> None:
    """Put the table between the marks of a document. Raises DataError where they are missing."""
    document.replace_between(path, BEGIN, END, text)
