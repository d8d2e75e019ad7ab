"""index.html: one self-contained file that asks nothing of anybody; tables work without scripts, and better with one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report import absent, answers, charts, gallery, grids, plots, summary, verdict, words
from bench.report.table import Table, printable
from bench.results import Results


@dataclass(frozen=True)
class Limit:
    """At most so many rows a table and charts of each kind (None: all), images a backbone, and characters a text."""

    rows: int | None
    charts: int | None
    images: int
    characters: int


class Whole(str):
    """Text that is never cut: half a picture or half a path is none. It is escaped like any other."""

    __slots__ = ()


# Bytes that a page should not exceed, and what is left out in turn until it does not. A text has a longest length even where all rows
# are shown: a data set's class name or a runtime's error may have any, and stands in rows, drawings and what they say in words.
LARGEST, LONGEST = 300_000, 1000
LIMITS = (
    *(Limit(None, None, images, LONGEST) for images in (12, 9, 6, 3)),
    *(Limit(rows, rows // 12, 3, 400) for rows in (240, 120, 60, 24)),
    # One chart alone may be too large: of all backbones, or of one with a thousand variants.
    *(Limit(rows, 0, 0, 100) for rows in (60, 24, 12, 4)),
)
# Lines of an answer that stand on the first screen.
FIRST = 3
# A list of more is no help: rows are found by words.
MOST_CHOICES = 60
TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True)
class Drawings:
    """What the page draws, the whole of it: made once, for it is cut several times where a run is large."""

    rows: tuple[list[charts.Chart], ...]
    curves: tuple[list[plots.Plot], ...]
    fields: tuple[list[grids.Grid], ...]
    trainings: list[tuple[plots.Plot, plots.Plot]]
    galleries: list[gallery.Gallery]


def render(results: Results, tables: list[Table]) -> str:
    """The page. Every name in it comes from data, and is text: templates escape, and controls that act on a reader are replaced.

    A run that is too large for it is shown in part, and the page says so.
    """
    drawings = Drawings(
        charts.by_kind(results),
        (plots.curves(results), plots.paretos(results)),
        (grids.checks(results), grids.ledger(results), grids.confusions(results)),
        plots.trainings(results),
        gallery.galleries(results),
    )
    answered, headline = answers.all_answers(results), summary.headline(results).split("\n")
    for limit in LIMITS[:-1]:
        text = _joined(_drawn(results, tables, drawings, answered, headline, limit))
        if text is not None:
            return text
    return "".join(_drawn(results, tables, drawings, answered, headline, LIMITS[-1]))


def _joined(parts: Iterable[str]) -> str | None:
    """The page, or None as soon as it is too large: a run of thousands of cells would be drawn whole several times for nothing."""
    made, size = [], 0
    for part in parts:
        made.append(part)
        size += len(part.encode())
        if size > LARGEST:
            return None
    return "".join(made)


def _drawn(
    results: Results, tables: list[Table], drawings: Drawings, answered: list[answers.Answer], headline: list[str], limit: Limit
) -> Iterable[str]:
    style, script = (_file(name) for name in ("report.css", "report.js"))
    # Pictures are inside the page: nothing is fetched.
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    rows, some = limit.rows, slice(limit.charts)
    template = _environment(limit.characters).get_template("report.html")
    return template.generate(
        run=results.run,
        policy=Whole(policy),
        style=style,
        script=script,
        parity=verdict.parity(results),
        error_rates=verdict.error_rates(results.noise),
        headline=_lines(headline, rows),
        first=FIRST,
        answers=[replace(each, lines=_lines(each.lines, rows)) for each in answered],
        charts=[each for kind in drawings.rows for each in kind[some]],
        plots=[each for kind in drawings.curves for each in kind[some]],
        grids=[each for kind in drawings.fields for each in kind[some]],
        trainings=drawings.trainings[some],
        galleries=[replace(each, pictures=each.pictures[: limit.images]) for each in drawings.galleries[some]],
        contents=_contents(drawings, tables),
        absent=absent.absent(drawings.rows, drawings.curves, drawings.fields, drawings.trainings, drawings.galleries),
        nouns=_nouns(results, limit.characters),
        width=charts.WIDTH,
        label=charts.LABEL,
        height=plots.HEIGHT,
        left=plots.LEFT,
        tables=[replace(table, rows=table.rows[:rows], notes=_lines(table.notes, rows)) for table in tables],
        shown=rows,
        machine=results.environment,
        command=results.command,
        started=results.started,
    )


def _environment(characters: int) -> Environment:
    """Templates whose every text is harmless and of at most so many characters: the one place that all of them go through."""

    def shown(value: Any) -> Any:
        return printable(words.short(value, characters)) if type(value) is str else value

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["whole"] = Whole
    return made


def _lines(lines: Sequence[str], most: int | None) -> tuple[str, ...]:
    """As many lines as a table may have rows, and how many more there are."""
    more = 0 if most is None else len(lines) - most
    return (*lines[:most], f"… {more} more lines") if more > 0 else tuple(lines)


def _contents(drawings: Drawings, tables: list[Table]) -> list[tuple[str, str]]:
    shown = [("charts", "Charts")]
    shown += [("training", "Training")] if drawings.trainings else []
    shown += [("images", "Images")] if drawings.galleries else []
    return shown + [(f"table-{number}", table.title) for number, table in enumerate(tables, start=1)]


def _nouns(results: Results, characters: int) -> list[tuple[str, list[str]]]:
    """What the page can be narrowed to, as it is shown: names of which there are several, and not too many to choose from."""
    cells = [each.cell for each in results.cells]
    found = {
        noun: sorted({printable(words.short(getattr(each, noun), characters)) for each in (*cells, *results.parity)})
        for noun in ("backbone", "variant", "runtime")
    }
    return [(noun, names) for noun, names in found.items() if 1 < len(names) <= MOST_CHOICES]


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
