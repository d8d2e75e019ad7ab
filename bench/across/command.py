"""`python -m bench report RUN RUN2`: two stored runs beside each other."""

from __future__ import annotations

from pathlib import Path

from bench.across import tables
from bench.across.compare import compare
from bench.report import terminal
from bench.report.stored import open_run
from contract import artifact, strict
from contract.errors import GOOD, NOTHING_JUDGED, UsageError


def run(one: str, other: str, reports: Path, *, as_json: bool) -> int:
    """Write compare-RUN.md and .json into the second run's folder, and print them.

    Exit code 2 where both runs have times, and something forbids to compare these: the key is named. Otherwise 0: a comparison judges
    nothing. Raises UsageError where the runs have nothing in common.
    """
    (first, its), (second, folder) = open_run(one, reports), open_run(other, reports)
    if its == folder:
        raise UsageError(f"'{one}' and '{other}' are one run", where="bench report", next="name two runs")
    found = compare(first, second)
    if not found.cells and not found.rows:
        raise UsageError(
            f"{one} and {other} have no row of parity and no measured cell in common",
            where="bench report",
            next="name two runs that share a backbone",
        )
    path = folder / f"compare-{its.name}.md"
    artifact.write_text(path, tables.markdown(found))
    artifact.write_text(path.with_suffix(".json"), strict.pretty(found))
    console = terminal.stderr()
    terminal.say(tables.headline(found), console)
    terminal.show(tables.all_tables(found), console)
    print(strict.pretty(found) if as_json else path, end="" if as_json else "\n")
    return NOTHING_JUDGED if found.refused else GOOD
