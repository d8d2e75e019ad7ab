"""The files of a stored run, written anew: what is imported for them, and pytest for the record, take seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.progress import Steps

if TYPE_CHECKING:
    from bench.results import Results


def write(name: str | None, reports: Path) -> tuple[Results, Path]:
    """The run (default: the latest) and its folder, with a bar on a terminal. Raises what `open_run` and `render_record` raise."""
    with Steps(3, lines=False) as progress:
        progress.part("reading the run")
        from bench.report import stored, write  # noqa: PLC0415 - scipy and jinja2 are among the seconds that the bar shows

        results, folder = stored.open_run(name, reports)
        progress.step()
        progress.part("tables and page")
        write.render_text(results, folder)
        progress.step()
        progress.part("pytest-benchmark's record")
        write.render_record(results, folder)
        progress.step()
    return results, folder
