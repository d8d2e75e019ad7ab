"""The gate's table and its line of the first page."""

from __future__ import annotations

from collections import Counter

from bench.gate.judge import seconds_needed
from bench.report import words
from bench.report.table import Table
from bench.results import Contrast, Gate, GateRow, Results
from contract.matrix import Cell

# Nobody waits longer for a gate.
PATIENCE_SECONDS = 3600.0
COLUMNS = ("backbone", "scenario", "variant", "runtime", "new / old [95 %]", "finds", "verdict")


def table(results: Results) -> Table:
    """A row for each cell that was measured with the old file, too."""
    gate = results.gate
    if gate is None:
        return Table("Gate", COLUMNS, [])
    contrasts = {each.cell: each for each in results.contrasts if each.factor == "release"}
    same = {(each.dataset, each.backbone, each.variant) for each in gate.files if each.same_program}
    rows = [
        (
            words.backbone(results, row.cell.dataset, row.cell.backbone),
            f"{row.cell.scenario}-{row.cell.batch} {row.cell.provider}",
            row.cell.variant,
            row.cell.runtime,
            words.ratio(contrasts[row.cell].ratio) if row.cell in contrasts else "-",
            _finds(contrasts.get(row.cell)),
            _verdict(row) + (" (same graph)" if _name(row.cell) in same else ""),
        )
        for row in gate.rows
    ]
    cpu = "the same flags" if gate.same_cpu else "other flags"
    allowed = words.percent(gate.threshold)
    notes = (
        f"old: the model files of run {gate.old}, measured beside the new ones; its own times, of a CPU with {cpu}, are not used",
        f"passes: the whole interval is below 1 + {allowed}, in a run that finds that much; slower: beyond it, at 1 % and 5 % (Holm)",
        *_longer(results, gate),
    )
    return Table(f"Gate: new files against those of {gate.old}, at most {allowed} slower", COLUMNS, rows, frozenset({5}), notes)


def line(results: Results) -> list[str]:
    """What the gate says in all, for the first page."""
    gate = results.gate
    if gate is None:
        return []
    counts = Counter(row.verdict for row in gate.rows)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "nothing was measured side by side"
    outcome = "FAIL" if counts["slower"] else "pass" if counts.keys() == {"passes"} else "NOT JUDGED"
    return [f"Gate against {gate.old}, at most {words.percent(gate.threshold)} slower: {outcome} ({len(gate.rows)} cells: {said})"]


def _verdict(row: GateRow) -> str:
    word = row.verdict.upper() if row.verdict == "slower" else row.verdict
    return f"{word}: {row.why}" if row.why else word


def _finds(contrast: Contrast | None) -> str:
    return "-" if contrast is None or contrast.mde is None else words.slowdown(contrast.mde)


def _name(cell: Cell) -> tuple[str, str, str]:
    return cell.dataset, cell.backbone, cell.variant


def _longer(results: Results, gate: Gate) -> list[str]:
    """How long a run must measure that finds the threshold in every cell, from the worst of those that were refused."""
    refused = {row.cell for row in gate.rows if row.verdict == "refused"}
    found = [each.mde for each in results.contrasts if each.factor == "release" and each.cell in refused and each.mde is not None]
    seconds = next((each.seconds for each in results.times if each.name == "measuring"), None)
    if not found or seconds is None:
        return []
    needed = seconds_needed(max(found), gate.threshold, seconds)
    fewer = "fewer cells (--backbone, --variant, --runtime, --scenario)"
    if needed > PATIENCE_SECONDS:
        return [f"no time would do to find {words.percent(gate.threshold)} here: take {fewer}, and leave the machine to this run alone"]
    return [f"to find {words.percent(gate.threshold)} everywhere: --seconds {needed:.0f}, or {fewer}"]
