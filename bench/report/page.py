"""index.html: one self-contained file that asks nothing of anybody; tables work without scripts, and better with one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report import answers, charts, gallery, grids, plots, summary
from bench.report.table import Table, printable
from bench.results import Results

# Bytes that a page should not exceed; how many rows its tables and how many images each backbone have, in turn until it does not.
LARGEST = 300_000
LIMITS = ((None, 12), (None, 9), (None, 6), (None, 3), (240, 3), (120, 3), (60, 3), (24, 3), (12, 3))
TEMPLATES = Path(__file__).parent.parent / "templates"


def render(results: Results, tables: list[Table]) -> str:
    """The page. Every name in it comes from data, and is text: templates escape, and controls that act on a reader are replaced.

    A run that is too large for it is shown in part, and the page says so.
    """
    text = ""
    for rows, images in LIMITS:
        text = _drawn(results, tables, rows, images)
        if len(text.encode()) <= LARGEST:
            break
    return text


def _drawn(results: Results, tables: list[Table], rows: int | None, images: int) -> str:
    """With at most so many rows a table, a twelfth as many charts of each kind, and so many images a backbone."""
    style, script = (_file(name) for name in ("report.css", "report.js"))
    # Pictures are inside the page: nothing is fetched.
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    some = slice(None if rows is None else rows // 12)
    return environment.get_template("report.html").render(
        run=results.run,
        policy=policy,
        style=style,
        script=script,
        headline=summary.headline(results).split("\n"),
        answers=answers.all_answers(results),
        charts=[each for kind in charts.by_kind(results) for each in kind[some]],
        plots=[each for kind in (plots.curves(results), plots.paretos(results)) for each in kind[some]],
        grids=[each for kind in (grids.checks(results), grids.ledger(results), grids.confusions(results)) for each in kind[some]],
        trainings=plots.trainings(results)[some],
        galleries=[replace(each, pictures=each.pictures[:images]) for each in gallery.galleries(results)[some]],
        contents=_contents(results, tables),
        width=charts.WIDTH,
        label=charts.LABEL,
        height=plots.HEIGHT,
        left=plots.LEFT,
        tables=[replace(table, rows=table.rows[:rows]) for table in tables],
        shown=rows,
        machine=results.environment,
        command=results.command,
        started=results.started,
    )


def _contents(results: Results, tables: list[Table]) -> list[tuple[str, str]]:
    shown = [("charts", "Charts")]
    shown += [("training", "Training")] if plots.trainings(results) else []
    shown += [("images", "Images")] if results.samples else []
    return shown + [(f"table-{number}", table.title) for number, table in enumerate(tables, start=1)]


def _text(value: Any) -> Any:
    return printable(value) if type(value) is str else value


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
