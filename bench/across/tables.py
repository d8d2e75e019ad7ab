"""A comparison in tables and sentences."""

from __future__ import annotations

import shlex

from bench.across.found import Comparison, RatioPair, Row, Side
from bench.explain import names
from bench.report import words
from bench.report.table import Table, escape, to_markdown
from bench.results import Interval
from contract.matrix import Cell
from contract.weights import started

OVERLAP = {True: "they overlap", False: "they do not overlap", None: "-"}


def all_tables(found: Comparison) -> list[Table]:
    """Every table that has rows, in reading order."""
    made = [differences(found), verdicts(found), accuracies(found), ratios(found), only(found)]
    return [table for table in made if table.rows]


def markdown(found: Comparison) -> str:
    """The whole comparison as Markdown."""
    head = [
        f"# Concord: {escape(found.one.run)} beside {escape(found.other.run)}",
        "",
        *[f"* {escape(line)}" for line in headline(found)],
        "",
        "Written by Concord from the results.json of both; do not edit.",
        "",
    ]
    return "\n".join(head) + "\n" + "\n".join(to_markdown(table) for table in all_tables(found))


def headline(found: Comparison) -> list[str]:
    """What a reader wants to know first."""
    sides = [f"{each.run}, begun {each.started}, exit code {each.exit_code}: {each.command}" for each in (found.one, found.other)]
    return [*sides, times_line(found), parity_line(found), *ratio_line(found), gate_line(found)]


def times_line(found: Comparison) -> str:
    """Whether anything forbids to compare times; they are not compared even where nothing does."""
    if not found.cells:
        return "Times: no cell has a number in both runs"
    if found.refused:
        return f"Times of {found.cells} cells in both are NOT COMPARABLE: {', '.join(found.refused)}"
    return (
        f"Times of {found.cells} cells in both: nothing that the runners report speaks against comparing them, and yet they are not"
        " compared: a machine is not the same from one hour to the next"
    )


def parity_line(found: Comparison) -> str:
    """What became of the rows of parity."""
    both = [each for each in found.verdicts if each.one is not None and each.other is not None]
    alone = len(found.verdicts) - len(both)
    return f"Parity: {found.rows} rows in both, of which {len(both)} have another verdict; {alone} in one run alone"


def ratio_line(found: Comparison) -> list[str]:
    """How many intervals overlap, and what that does not say."""
    judged = [each.overlap for each in found.ratios if each.overlap is not None]
    if not judged:
        return []
    said = f"the intervals of {sum(judged)} of {len(judged)} overlap"
    return [f"Ratios, each measured side by side within its own run: {said}; nothing more is claimed"]


def gate_line(found: Comparison) -> str:
    """The way to know."""
    return (
        f"Whether a model file became slower: python -m bench run --gate {shlex.quote(found.one.run)} (a run or its folder) times that"
        " run's files beside today's, on one machine and in one hour"
    )


def differences(found: Comparison) -> Table:
    """Machine, software, options, models."""
    rows = [(each.where, each.key, each.one, each.other, _rule(each.rule)) for each in found.differences]
    notes = ("must be equal: times of the two runs are not comparable where it differs; recorded: kept, and judged by nobody",)
    return Table("What differs", ("where", "what", found.one.run, found.other.run, "for times"), rows, notes=notes)


def verdicts(found: Comparison) -> Table:
    """Rows of parity that changed, and those of one run alone."""
    rows = [
        (*_row(found, each.row), each.one or "not in it", each.one_differ, each.other or "not in it", each.other_differ)
        for each in found.verdicts
    ]
    one, other = found.one.run, found.other.run
    columns = ("backbone", "variant", "runtime", one, "labels differ", other, "labels differ")
    return Table("Parity: other verdicts", columns, rows, frozenset({4, 6}))


def accuracies(found: Comparison) -> Table:
    """Counts of right answers that changed."""
    rows = [(*_row(found, each.row), words.accuracy(each.one), words.accuracy(each.other)) for each in found.accuracies]
    notes = ("of the images that each run compared, which need not be the same",)
    return Table(
        "Accuracy: other counts", ("backbone", "variant", "runtime", found.one.run, found.other.run), rows, frozenset({3, 4}), notes
    )


def ratios(found: Comparison) -> Table:
    """Ratios side by side."""
    cells = [each for pair in found.ratios for each in (pair.cell, pair.base)]
    rows = [
        (
            names.name(each.cell, cells),
            _base(each, cells),
            _ratio(each.one, each.one_why),
            _ratio(each.other, each.other_why),
            OVERLAP[each.overlap],
        )
        for each in found.ratios
    ]
    notes = (
        "time of the cell over time of its base, measured side by side within each run [95 %]; below 1 is faster than the base",
        "overlap does not show that nothing changed; where there is none, another machine may be the cause as well as another file",
        *_random(found),
    )
    return Table("Ratios", ("cell", "base", found.one.run, found.other.run, "intervals"), rows, frozenset({2, 3}), notes)


def only(found: Comparison) -> Table:
    """Cells with a number in one run alone."""
    cells = [each.cell for each in found.only]
    rows = [(names.name(each.cell, cells), each.run, each.why) for each in found.only]
    return Table("Cells in one run alone", ("cell", "has a number in", "in the other"), rows, notes=_random(found))


def _row(found: Comparison, row: Row) -> tuple[str, str, str]:
    name = f"{row.dataset}/{row.backbone}"
    had = dict.fromkeys(side.weights[name].rpartition("/")[2] for side in (found.one, found.other) if name in side.weights)
    return started(name, ", then ".join(had)) if had else name, row.variant, f"{row.runtime} {row.provider}"


def _random(found: Comparison) -> tuple[str, ...]:
    """Names of cells are those that a user types: which of them started from random weights is said below."""
    said = [f"{side.run}: {', '.join(names)}" for side in (found.one, found.other) if (names := _random_in(side))]
    return (f"started from random weights: {'; '.join(said)}",) if said else ()


def _random_in(side: Side) -> list[str]:
    return [name for name, had in side.weights.items() if had == "random"]


def _rule(rule: str | None) -> str:
    # Of one and the same runtime, what another would explain must be equal.
    return {"must-equal": "must be equal", "explained-by runtime": "must be equal", "recorded": "recorded", None: "-"}[rule]


def _base(pair: RatioPair, cells: list[Cell]) -> str:
    return names.name(pair.base, cells)


def _ratio(ratio: Interval | None, why: str) -> str:
    return words.ratio(ratio) if ratio is not None else why
