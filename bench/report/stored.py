"""A stored run by its name, for whoever reports on it: finished, and of this version's format, or an error that says what it is instead."""

from __future__ import annotations

from pathlib import Path

from bench.report import write
from bench.results import Results
from contract.errors import UsageError, nearest
from contract.options import run_folder


def open_run(name: str | None, reports: Path) -> tuple[Results, Path]:
    """A run and its folder: `name` is a folder, or a name below `reports`; the latest where none is given.

    Raises UsageError for a run that there is not, or that was not finished, DataError for one that cannot be read.
    """
    folder = reports / "latest" if name is None else folder_of(name, reports)
    if name is not None and not (folder / write.RESULTS).is_file():
        raise UsageError(f"that run found nothing: it has no {write.RESULTS}", where=str(folder), next=f"ls {reports}")
    results = write.load(folder)
    folder = folder.resolve()
    # The last thing that a run writes down, interrupted or not: one that was killed has none.
    if not results.times:
        raise UsageError(
            "that run was not finished: results.json holds what was found until it was stopped, and nobody knows what is missing",
            where=str(folder),
            next="measure anew (nox -s bench); bench report RUN takes a run that has an index.html",
        )
    return results, folder


def folder_of(name: str, reports: Path, where: str = "", file: str = write.RESULTS) -> Path:
    """The folder of a run that is there. Raises UsageError with the nearest known name.

    `where`: the option that names it. `file`: what runs of its kind hold.
    """
    folder = run_folder(name, reports)
    if not folder.is_dir():
        known = [path.parent.name for path in reports.glob(f"*/{file}")]
        said = f"no such run: '{name}' is no folder, and no run in {reports.name}; {nearest(name, known)}"
        raise UsageError(said, where=where, next=f"ls {reports}")
    return folder
