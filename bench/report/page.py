"""index.html: one self-contained file that asks nothing of anybody; tables work without scripts, and better with one."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report import answers, charts, summary
from bench.report.table import Table, printable
from bench.results import Results

TEMPLATES = Path(__file__).parent.parent / "templates"


def render(results: Results, tables: list[Table]) -> str:
    """The page. Every name in it comes from data, and is text: templates escape, and controls that act on a reader are replaced."""
    style, script = (_file(name) for name in ("report.css", "report.js"))
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        run=results.run,
        policy=policy,
        style=style,
        script=script,
        headline=summary.headline(results).split("\n"),
        answers=answers.all_answers(results),
        charts=charts.all_charts(results),
        width=charts.WIDTH,
        label=charts.LABEL,
        tables=tables,
        machine=results.environment,
        command=results.command,
        started=results.started,
    )


def _text(value: Any) -> Any:
    return printable(value) if type(value) is str else value


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
