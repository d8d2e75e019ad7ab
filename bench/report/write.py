"""Write a run's files, and point reports/latest at it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bench import record
from bench.parity import junit
from bench.report import csv_files, page, summary, tables, typeset
from bench.results import FORMAT, Results
from contract import artifact, layout, strict
from contract.errors import DataError

RESULTS = layout.RESULTS


def store(results: Results, folder: Path) -> None:
    """Write results.json alone: cheap enough to do after every part of a run, so that an interrupted one has lost nothing."""
    artifact.write_text(folder / RESULTS, strict.pretty(results))


def load(folder: Path) -> Results:
    """Read a run. Raises DataError when there is none, when it is damaged, or when another version wrote it."""
    path = folder / RESULTS
    try:
        text = path.read_bytes()
    except FileNotFoundError as fault:
        raise DataError("no such run", where=str(path), next="nox -s bench") from fault
    with strict.mended_by(f"measure again (nox -s bench), or take another run: ls {folder.parent}"):
        return strict.decode(Results, _this_format(strict.loads(text, str(path)), path), str(path))


def render_record(results: Results, folder: Path) -> None:
    """Write pytest-benchmark's record of the stored results, where they have numbers. Raises EnvironmentFault."""
    if any(cell.error is None for cell in results.cells):
        record.write(folder / RESULTS, folder / "benchmark.json")


def render_text(results: Results, folder: Path) -> None:
    """Write the files that depend on nothing else."""
    made = tables.all_tables(results)
    artifact.write_text(folder / "summary.md", summary.markdown(results, made))
    artifact.write_text(folder / "index.html", page.render(results, made))
    artifact.write_text(folder / "tables.txt", summary.headline(results) + "\n\n" + typeset.to_text(made))
    artifact.write_text(folder / "results.csv", csv_files.results_csv(results))
    artifact.write_text(folder / "parity.csv", csv_files.parity_csv(results))
    artifact.write_text(folder / "environment.json", strict.pretty({"machine": results.environment, "receipts": results.receipts}))
    if results.parity or results.problems or results.gate or any(cell.error is not None for cell in results.cells):
        artifact.write_text(folder / "junit.xml", junit.render(results))


def publish(folder: Path) -> Path:
    """Let reports/latest point at this run, atomically."""
    latest = folder.parent / "latest"
    temporary = folder.parent / f".tmp-{os.getpid()}-latest"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.name, target_is_directory=True)
    os.replace(temporary, latest)
    return latest


def _this_format(data: Any, path: Path) -> Any:
    """The data, where its format is this version's. Raises DataError; what has no number at all is refused by its missing key."""
    written = data.get("format", FORMAT) if isinstance(data, dict) else FORMAT
    if isinstance(written, int) and written != FORMAT:
        age = "newer" if written > FORMAT else "older"
        raise DataError(
            f"written in format {written} by {'a' if age == 'newer' else 'an'} {age} version of Concord, and this one reads {FORMAT}",
            where=str(path),
            next="read it with the version that wrote it, or measure again (nox -s bench)",
        )
    return data
