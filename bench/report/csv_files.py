"""results.csv and parity.csv: a run's cells and its rows of parity, one line each, for spreadsheets and data frames.

Numbers are whole or in full precision; what there is not is empty. Text comes from data sets and error messages, and a spreadsheet takes
some of it for a formula: a text whose first character (after blanks and apostrophes) is = + - @ or its full-width form, or that begins
with a tab or a line break, gets an apostrophe before it, as OWASP advises ("CSV injection"). Who reads such a text takes one away.
Control characters are replaced, line breaks are blanks: one row is one line. results.json has every text as it is.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping

from bench.measure.comparable import RULES
from bench.measure.pairs import Factor
from bench.report import words
from bench.report.table import printable
from bench.results import Contrast, Interval, Measured, ParityRow, Results
from contract.manifest import Accuracy
from contract.matrix import Cell

Value = str | int | float | bool | None
Row = dict[str, Value]
# Blanks and apostrophes are looked through: a spreadsheet may do so, too.
FORMULA = re.compile(r"[\s']*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
FACTORS: tuple[Factor, ...] = ("runtime", "variant", "release")
# Options of a session, in the order of the rules for comparing: a new one becomes a column by itself.
OPTIONS = tuple(rule.key for rule in RULES if rule.where == "options")


def _interval(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


PLACE = ("run", "dataset", "backbone", "weights", "variant", "runtime", "provider")
CELL_COLUMNS = (
    *(*PLACE, "scenario", "batch", "kind", "runtime_version", "runtime_commit", *OPTIONS),
    *("samples", "middle_ns", *_interval("median_ns"), "p90_ns", "p95_ns", "p99_ns", *_interval("images_per_second")),
    *(
        column
        for factor in FACTORS
        for column in (
            *(f"{factor}_base_{noun}" for noun in ("variant", "runtime")),
            *_interval(f"{factor}_ratio"),
            *(f"{factor}_{each}" for each in ("verdict", "mde", "p", "family_p", "processes", "rounds", "same_graph", "not_comparable")),
        )
    ),
    "error",
)
PARITY_COLUMNS = (
    *(*PLACE, "verdict", "judged", "passed", "images", "certified", "agree", "near_tie_flips", "flips", "bound", "tensors_equal"),
    *("max_difference", "max_difference_same_tensor", "tolerance", "largest_move_over_batches", "bits_equal_to", "bits_equal"),
    *("correct", *_interval("accuracy"), "reference_correct", *_interval("reference_accuracy")),
    *("lost", "gained", "drop", "drop_bound", "claim", "claim_bound", "claim_needed", "claim_supported"),
    *("made", "checks", "problems", "blame", "reproduce"),
)


def results_csv(results: Results) -> str:
    """A row for each measured cell, with its ratio to its base for each of the factors that are studied: runtime, variant, release."""
    contrasts = {(each.cell, each.factor): each for each in results.contrasts}
    return _text(CELL_COLUMNS, (_cell(results, each, contrasts) for each in results.cells))


def parity_csv(results: Results) -> str:
    """A row for each variant in each runtime that was compared."""
    return _text(PARITY_COLUMNS, (_parity(results, each) for each in results.parity))


def _cell(results: Results, measured: Measured, contrasts: Mapping[tuple[Cell, Factor], Contrast]) -> Row:
    cell, receipt = measured.cell, results.receipts.get(measured.cell.runtime)
    row = _place(results, cell) | {"scenario": cell.scenario, "batch": cell.batch, "kind": measured.kind, "error": measured.error}
    row |= {"runtime_version": receipt.version if receipt else None, "runtime_commit": receipt.commit if receipt else None}
    row |= {key: measured.options.get(key) for key in OPTIONS}
    row |= {"samples": measured.samples, "middle_ns": measured.middle_ns, **_three("median_ns", measured.median_ns)}
    row |= {f"p{percent}_ns": measured.percentiles_ns.get(percent) for percent in ("90", "95", "99")}
    row |= _three("images_per_second", measured.images_per_second)
    for factor in FACTORS:
        row |= _contrast(factor, contrasts.get((cell, factor)))
    return row


def _contrast(factor: Factor, found: Contrast | None) -> Row:
    said: Row = _three("ratio", found.ratio if found else None)
    if found is not None:
        said |= {"base_variant": found.base.variant, "base_runtime": found.base.runtime, "verdict": found.verdict, "mde": found.mde}
        said |= {"p": found.p, "family_p": found.family_p, "processes": found.processes, "rounds": found.rounds}
        said |= {"same_graph": found.same_graph, "not_comparable": found.not_comparable}
    return {f"{factor}_{key}": value for key, value in said.items()}


def _parity(results: Results, row: ParityRow) -> Row:
    told: Row = {name: getattr(row, name) for name in PARITY_COLUMNS if isinstance(getattr(row, name, None), (str, int, float, bool))}
    told |= _place(results, row) | {"verdict": words.parity_verdict(row)}
    told |= {"bits_equal_to": " ".join(row.bits_equal_to), "bits_equal": min(row.bits_equal_to.values(), default=None)}
    told |= {"largest_move_over_batches": max(row.batches.values(), default=None), "claim": None}
    told |= _accuracy("", row.accuracy) | _accuracy("reference_", row.reference_accuracy)
    if row.drop is not None:
        told |= {"lost": row.drop.lost, "gained": row.drop.gained, "drop": row.drop.drop, "drop_bound": row.drop.bound}
    if row.claim is not None:
        told |= {"claim": row.claim.claim, "claim_bound": row.claim.bound, "claim_needed": row.claim.needed}
        told |= {"claim_supported": row.claim.supported}
    told |= {"made": " ".join(row.made), "checks": " ".join(row.checks), "problems": "; ".join(row.problems)}
    told |= {"blame": row.blame.said if row.blame else None}
    return told


def _place(results: Results, at: Cell | ParityRow) -> Row:
    """Where a row belongs; with the weights that its backbone started from, as every table has them."""
    names: Row = {name: getattr(at, name) for name in ("dataset", "backbone", "variant", "runtime", "provider")}
    return {"run": results.run, "weights": results.weights_had.get((at.dataset, at.backbone)), **names}


def _accuracy(prefix: str, found: Accuracy | None) -> Row:
    interval = None if found is None else Interval(found.correct / found.total, found.low, found.high)
    return {f"{prefix}correct": found.correct if found else None, **_three(f"{prefix}accuracy", interval)}


def _three(name: str, interval: Interval | None) -> Row:
    values = (None, None, None) if interval is None else (interval.value, interval.low, interval.high)
    return dict(zip(_interval(name), values, strict=True))


def _text(columns: tuple[str, ...], rows: Iterable[Row]) -> str:
    made = io.StringIO()
    writer = csv.DictWriter(made, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _plain(value) for name, value in row.items()})
    return made.getvalue()


def _plain(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return harmless(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula, and no terminal for a command, in one line."""
    return ("'" if FORMULA.match(text) else "") + printable(text).replace("\n", " ")
