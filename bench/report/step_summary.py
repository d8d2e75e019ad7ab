"""The summary of a step on GitHub's page of a workflow run: the file that GITHUB_STEP_SUMMARY names gets the verdict as Markdown.

What cannot be written there is said on stderr, and changes no exit code: the code is the judgement of the models, and a page that failed to
appear makes them neither better nor worse.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure.pairs import OLD
from bench.report import gate, summary, tables, words
from bench.report.table import Table, code, escape, to_markdown
from bench.results import ParityRow, Results
from contract.errors import BAD, GOOD, INTERRUPTED, ConcordError
from contract.options import user_path

VARIABLE = "GITHUB_STEP_SUMMARY"
# GitHub shows nothing of a step's file that is larger. Ours stays far below, and leaves room for what other commands of the step say.
GITHUB_BYTES, MOST_BYTES, LEAST_BYTES = 1024 * 1024, 200_000, 2_000
OUTCOME = {GOOD: "pass", BAD: "FAIL"}
# Failures come first in their table: what is cut off is what passed.
ORDER = ("FAIL", "nothing judged", "claim not supported", "pass")


@dataclass(frozen=True)
class Section:
    """A heading that stays, and lines of which those that fit are shown."""

    head: tuple[str, ...]
    lines: tuple[str, ...]


def add(results: Results, command: str) -> None:
    """Append the verdict of a run to the page, where there is one; `command`: run or parity."""
    outcome = OUTCOME.get(results.exit_code, "NOT JUDGED")
    title = f"## Concord {command}: {outcome} (exit code {results.exit_code}), {escape(results.run)}"
    _append([Section((title, ""), tuple(f"* {escape(line)}" for line in summary.headline(results).split("\n"))), *sections(results)])


def add_error(error: ConcordError, command: str) -> None:
    """Append why nothing was judged."""
    _append([Section((f"## Concord {command}: NOT JUDGED (exit code {error.exit_code})", ""), (f"* {escape(str(error))}",))])


def add_interruption(command: str) -> None:
    """Append that it was stopped: what was found until then may be good or bad, and nobody judged the rest."""
    said = "stopped before its end; what was found until then is in the newest run folder, if there is one"
    _append([Section((f"## Concord {command}: INTERRUPTED (exit code {INTERRUPTED})", ""), (f"* {said}",))])


def sections(results: Results) -> list[Section]:
    """Verdicts, failures with their commands, the gate, ratios: those that the run has."""
    made = [_section(verdicts(results)), Section(("### Failures", ""), tuple(failures(results)))]
    made += [_section(gate.table(results))]
    made += [_section(tables.contrasts(results, "runtime", "Time as a ratio to ort-python on the same variant; below 1 is faster"))]
    made += [_section(tables.contrasts(results, "variant", "Time as a ratio to raw-dynamic within a runtime; below 1 is faster"))]
    return [each for each in made if each.lines]


def verdicts(results: Results) -> Table:
    """The parity table with the columns that a verdict is made of."""
    rows = [
        (
            words.backbone(results, row.dataset, row.backbone),
            row.variant,
            f"{row.runtime} {row.provider}",
            words.parity_verdict(row),
            f"{row.flips + row.near_tie_flips} of {row.images}" if row.images else "-",
            words.below(row.images, row.bound),
            f"{row.tensors_equal} of {row.images}",
        )
        for row in sorted(results.parity, key=lambda row: ORDER.index(words.parity_verdict(row)))
    ]
    columns = ("backbone", "variant", "runtime", "verdict", "labels differ", "so, at 95 %", "tensors bit-equal")
    return Table("Parity", columns, rows, frozenset({4, 5, 6}))


def failures(results: Results) -> list[str]:
    """A line for each row that did not pass, with the command that shows it again, and for each cell without a number."""
    lines = [_failure(row) for row in results.parity if words.parity_verdict(row) != "pass"]
    lost = [each for each in results.cells if each.error is not None and not each.cell.variant.endswith(OLD)]
    return lines + [f"* {escape(str(each.cell))}: {escape(f'ERROR: {each.error}')}" for each in lost]


def fit(parts: Sequence[Section], room: int) -> str:
    """The sections in at most `room` bytes: each has its share of what is left, and says how many lines it leaves out."""
    made, left = "", room
    for number, section in enumerate(parts):
        text = _fitted(section, left // (len(parts) - number))
        made += text
        left -= len(text.encode())
    return made


def _failure(row: ParityRow) -> str:
    said = [words.parity_verdict(row), *row.problems, *([row.blame.said] if row.blame is not None else [])]
    where = f"{row.dataset}/{row.backbone} {row.variant} {row.runtime} {row.provider}"
    return f"* {escape(where)}: {escape('; '.join(said))}; to see it again: {code(row.reproduce)}"


def _section(table: Table) -> Section:
    lines = to_markdown(replace(table, notes=())).rstrip("\n").split("\n")
    return Section(tuple(lines[:4]), tuple(lines[4:]))


def _fitted(section: Section, room: int) -> str:
    def text(lines: Sequence[str], without: int) -> str:
        more = ("", f"… {without} more rows: see summary.md") if without else ()
        return "\n".join([*section.head, *lines, *more, "", ""])

    if len(text(section.lines, 0).encode()) <= room:
        return text(section.lines, 0)
    kept: list[str] = []
    size = len(text([], len(section.lines)).encode())
    for line in section.lines:
        # One that is too long by itself hides no other.
        if size + len(line.encode()) + 1 <= room:
            kept.append(line)
            size += len(line.encode()) + 1
    shortened = text(kept, len(section.lines) - len(kept))
    return shortened if len(shortened.encode()) <= room else f"… {len(section.lines)} more rows: see summary.md\n\n"


def _append(parts: Sequence[Section]) -> None:
    name = os.environ.get(VARIABLE)
    if not name:
        return
    path = user_path(name)
    try:
        room = min(MOST_BYTES, GITHUB_BYTES - _size(path))
        if room < LEAST_BYTES:
            _say(path, "is as large as GitHub allows (1 MiB a step)", "give each command a step of its own")
            return
        with path.open("ab") as file:
            file.write(("\n" + fit(parts, room - 1)).encode())
    except OSError as fault:
        _say(path, fault.strerror or str(fault), f"check the path in {VARIABLE}, or unset it")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _say(path: Path, what: str, remedy: str) -> None:
    print(f"error: {path}: no summary of this step: {what}; the exit code is that of the judgement\n  next: {remedy}", file=sys.stderr)
