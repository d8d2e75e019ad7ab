"""Reports against committed snapshots, and against names that would like to be more than text.

After a change of the tables that is meant: CONCORD_SNAPSHOTS=write python -m pytest tests/bench/test_report.py, and read the difference.
"""

from __future__ import annotations

import html
import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure import pairs
from bench.parity import junit
from bench.report import gate, ledger, summary, table, tables, typeset, words, write
from bench.results import GateRow, Interval, Results
from contract import strict
from contract.errors import DataError
from contract.manifest import Accuracy
from tests.bench import made

SNAPSHOTS = Path(__file__).with_name("snapshots")
# What may act where it is not escaped: on a terminal, or in a reader's eyes.
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")


def texts(results: Results) -> dict[str, str]:
    found = tables.all_tables(results)
    return {"summary.md": summary.markdown(results, found), "tables.txt": summary.headline(results) + "\n\n" + typeset.to_text(found)}


@pytest.mark.parametrize("name", ["summary.md", "tables.txt", "junit.xml"])
def test_snapshots(name):
    text = junit.render(made.results()) if name == "junit.xml" else texts(made.results())[name]
    if os.environ.get("CONCORD_SNAPSHOTS") == "write":
        (SNAPSHOTS / name).write_text(text, encoding="utf-8")
    assert text == (SNAPSHOTS / name).read_text(encoding="utf-8")


def test_a_run_that_found_nothing_has_a_report():
    without = {"parity": (), "cells": (), "contrasts": (), "noise": None, "gate": None, "holes": (), "subjects": (), "receipts": {}}
    nothing = replace(made.results(), **without, problems=("no images",))
    text = texts(nothing)["tables.txt"]
    assert text.startswith("Parity: nothing was compared\nPython and Rust were not both run\nPROBLEM: no images\n\n")


def test_files_that_concord_did_not_make_have_no_reference():
    foreign = replace(made.results(), parity=(), subjects=(), floors=())
    assert summary.headline(foreign).startswith("Parity: not judged, for these files have no PyTorch reference")


def test_the_reference_is_called_by_its_name():
    """`bench parity --onnx F --reference other.onnx`: no PyTorch is there."""
    subjects = tuple(replace(each, reference="the ONNX file other|.onnx") for each in made.results().subjects)
    against = replace(made.results(), subjects=subjects)
    assert summary.headline(against).startswith("Parity: 2 of 4 variants x runtimes agree with the ONNX file other|.onnx: FAIL")
    (parity,) = [each for each in tables.all_tables(against) if each.title == "Parity"]
    assert parity.notes[0].startswith("labels differ: from the ONNX file other|.onnx's; certified")
    assert "accuracy of the ONNX file other|.onnx minus this one's" in parity.notes[1]
    assert "PyTorch" not in " ".join(parity.notes)


def test_what_could_not_be_judged_is_no_failure():
    judged = replace(made.results(), gate=None, parity=tuple(row for row in made.results().parity if row.passed or not row.judged))
    assert summary.headline(judged).startswith("Parity: 2 of 3 variants x runtimes agree with PyTorch eager; 1 could not be judged\n")
    suite = ET.fromstring(junit.render(judged))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "2")
    assert [[child.tag for child in case] for case in suite] == [["system-out"], ["system-out"], ["error", "system-out"], ["error"]]


def test_a_cell_that_failed_while_it_was_timed_is_an_error_in_junit_xml(tmp_path):
    lost = made.measured("eager", "torch-eager", error="died\u202e (signal SIGSEGV)", blocks=(), middle_ns=None, median_ns=None)
    old = replace(lost, cell=replace(lost.cell, variant="raw-dynamic" + pairs.OLD))
    run = replace(made.results(), gate=None, parity=(), cells=(made.results().cells[0], lost, old))
    suite = ET.fromstring(junit.render(run))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "1")
    assert suite[0].attrib == {"classname": "concord.timing.wings", "name": str(lost.cell)}
    assert [(child.tag, child.get("message")) for child in suite[0]] == [("error", "died\ufffd (signal SIGSEGV)")]
    write.render_text(run, tmp_path)
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8") == junit.render(run)


def test_a_failure_that_no_stage_makes_says_so():
    run = made.results()
    assert ledger.NOTHING not in " ".join(ledger.stages(run).notes)
    innocent = replace(run, stages=(replace(made.stages(), faults=(), blame=None),))
    assert ledger.stages(innocent).notes[-1] == f"wings/resnet18 sim-static ort-rust cpu: {ledger.NOTHING}"
    assert not ledger.faults(innocent).rows


def test_the_command_that_explains_the_largest_difference():
    run = made.results()
    slower = replace(run.contrasts[0], base=run.contrasts[2].cell, ratio=Interval(1.5, 1.4, 1.6), verdict="slower")
    note = tables.contrasts(replace(run, contrasts=(*run.contrasts, slower)), "runtime", "").notes[-1]
    assert note.endswith("--explain resnet18/raw-dynamic/ort-rust/latency resnet18/sim-dynamic/ort-python/latency")
    for nothing in (
        replace(run, contrasts=run.contrasts[1:]),  # none is measurable
        replace(run, subjects=()),  # files that nobody keeps
        replace(run, cells=(replace(run.cells[1], kind="load"),)),  # no operator runs
    ):
        assert "--explain" not in tables.contrasts(nothing, "runtime", "").notes[-1]


def plain(text: str) -> str:
    """A hostile name as a reader should see it, spaces put together."""
    return " ".join(table.printable(text).split())


def test_hostile_names_stay_text_in_a_terminal():
    text = texts(made.hostile())["tables.txt"]
    assert not ACTING.search(text)
    # Long names are folded over lines, so each is looked for in a table of its own.
    for name in made.HOSTILE:
        shown = typeset.to_text([table.Table("t", ("name", "other"), [(name, "x")], notes=(name,))])
        assert not ACTING.search(shown)
        cells = " ".join(line.split("│")[1].strip() for line in shown.splitlines() if line.startswith("│"))
        assert plain(cells) == plain(name)
        assert plain(name) in plain(shown.rpartition("╯")[2] or shown.rpartition("┘")[2])


def unmarked(cell: str) -> str:
    """What Markdown shows of an escaped cell; anything that is not escaped would be lost or shown as something else."""
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_{}\[\]()#+!|~@<>]", cell), cell
    return html.unescape(re.sub(r"\\([\\`*_{}\[\]()#+!|~@])", r"\1", cell))


def test_hostile_names_stay_text_in_markdown():
    text = texts(made.hostile())["summary.md"]
    assert not ACTING.search(text)
    assert [line.partition(" Command: ")[0] for line in text.splitlines() if "<" in line.partition(" Command: ")[0]] == []
    for name in made.HOSTILE:
        lines = table.to_markdown(table.Table("t", ("name", "other"), [(name, "x")])).splitlines()
        (row,) = [line for line in lines if line.endswith("| x |")]
        cells = re.split(r"(?<!\\)\|", row)
        assert len(cells) == 4
        assert plain(unmarked(cells[1])) == plain(name)
    columns = {len(re.split(r"(?<!\\)\|", line)) for line in section(text, "Images that differ")}
    assert columns == {9}


def section(text: str, title: str) -> list[str]:
    return [line for line in text.partition(f"### {title}")[2].partition("###")[0].splitlines() if line.startswith("|")]


def test_a_command_cannot_leave_its_code():
    assert table.code("a b") == "`a b`"
    assert table.code("a `b` ``c") == "``` a `b` ``c ```"
    assert table.code("a\nb\x1b") == "`a b\ufffd`"


def test_hostile_names_stay_text_in_junit_xml():
    text = junit.render(made.hostile())
    assert not ACTING.search(text)
    suite = ET.fromstring(text)
    assert not [value for each in suite.iter() for value in (*each.attrib.values(), each.text or "") if ACTING.search(value)]
    names, gated = len(made.HOSTILE), 3
    tests = 1 + names + names + gated + names  # the failed row, others, cells, the gate, problems
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(tests), "2", str(1 + names + names))
    cases = suite.findall("testcase")
    assert len(cases) == tests
    errors = [case.find("error").get("message") for case in cases[-names:]]
    assert [plain(error) for error in errors] == [plain(name).replace("\ufffe", "\ufffd") for name in made.HOSTILE], "XML holds no U+FFFE"
    failure = cases[0].find("failure")
    assert failure is not None
    assert "<script>" in failure.get("message")
    assert [case.get("name") for case in cases[1:4]] == ["v0 [red]x[/red]", "v1 [/]", "v2 [link=javascript:alert(1)]x[/link]"]


@pytest.mark.parametrize(
    ("nanoseconds", "said"),
    [
        (0, "0 ns"), (999, "999 ns"), (1000, "1.00 us"), (1_266_500, "1.27 ms"), (12_345_678, "12.35 ms"), (123_456_789, "123.5 ms"),
        (999_940, "999.9 us"), (999_960, "1.00 ms"), (999_999_999, "1.00 s"), (61.5e9, "61.50 s"), (1234e9, "1234 s"),
    ],
)  # fmt: skip
def test_durations(nanoseconds, said):
    assert words.duration(nanoseconds) == said


def test_words():
    assert words.percent(0.00994) == "0.99 %"
    assert words.percent(0.1234) == "12.3 %"
    assert words.ratio(Interval(0.97512, 0.9709, 0.979)) == "0.975 [0.971, 0.979]"
    assert words.ratio(None) == "n/a (too few processes)"
    assert words.rate(Interval(258.06, 255.5, 260.67)) == "258.1 [255.5, 260.7]"
    assert words.rate(None) == "n/a (too few samples)"
    assert words.percentile(None, 120, 95) == "n/a (120 of 130)"
    assert words.percentile(None, 120, 99) == "n/a (120 of 662)"
    assert words.percentile(4.1e6, 160, 95) == "4.10 ms"
    assert [words.slowdown(share) for share in (0.012, 0.4, 28.179)] == ["1.20 %", "40.0 %", "above 100 %"]
    assert words.duration_interval(None, None) == "no samples"
    assert words.duration_interval(None, 4e6) == "4.00 ms (no interval)"
    assert words.duration_interval(Interval(4e6, 3.9e6, 4.1e6), 4e6) == "4.00 ms [3.90 ms, 4.10 ms]"
    assert words.accuracy(Accuracy(90, 100, 0.8256, 0.9448)) == "90.0 % [82.6, 94.5] (90 of 100)"
    assert words.accuracy(None) == "n/a"
    assert (words.small(0.0), words.small(2.44e-6)) == ("0", "2.4e-06")
    assert words.backbone(made.results(), "wings", "resnet18") == "resnet18 (random)"
    assert words.backbone(made.results(), "wings", "regnet_x_400mf") == "regnet_x_400mf (DEFAULT)"
    assert words.backbone(made.results(), "rps", "resnet18") == "resnet18"


@pytest.mark.parametrize(
    ("bound", "said"),
    [(0.009936, "1.00 %"), (0.01, "1.00 %"), (0.010001, "1.01 %"), (0.2589, "25.9 %"), (0.25811, "25.9 %"), (1.0, "100.0 %")],
)
def test_a_claim_is_rounded_up(bound, said):
    assert words.claim(0, 300, bound) == f"0 of 300 differ: below {said} with 95 % confidence"


def test_no_claim_without_images():
    assert words.claim(0, 0, 1.0) == "nothing compared"


def test_the_weakest_row_makes_a_backbones_claim():
    assert "wings/resnet18 (random): 3 of 300 differ: below 2.56 % with 95 % confidence" in summary.headline(made.results())
    lost = replace(made.results(), parity=made.results().parity[3:])
    assert "wings/resnet18 (random): nothing compared" in summary.headline(lost)


def test_a_run_is_stored_loaded_and_rendered(tmp_path):
    results = replace(made.results(), cells=())
    write.store(results, tmp_path)
    assert write.load(tmp_path) == results
    write.render_text(results, tmp_path)
    write.render_record(results, tmp_path)
    made_of = {"index.html", "summary.md", "tables.txt", "environment.json", "junit.xml", "results.csv", "parity.csv"}
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", *made_of}
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert set(environment) == {"machine", "receipts"}
    assert environment["machine"]["cpu_flags"] == list(results.environment.cpu_flags) != []


def test_no_run_and_another_versions_run(tmp_path):
    with pytest.raises(DataError, match="no such run") as caught:
        write.load(tmp_path)
    assert caught.value.next == "nox -s bench"
    (tmp_path / "results.json").write_text(strict.pretty({**strict.plain(made.results()), "new": 1}))
    with pytest.raises(DataError, match="unknown key 'new'"):
        write.load(tmp_path)


def test_publish_swaps_atomically(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert write.publish(tmp_path / "one").resolve() == tmp_path / "one"
    seen = []
    replace_file = os.replace

    def watched(source: Path, target: Path) -> None:
        seen.append((tmp_path / "latest").resolve().name)  # the old one stands until the very swap
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", watched)
    (tmp_path / f".tmp-{os.getpid()}-latest").symlink_to("gone")  # left by an interrupted run with this number
    write.publish(tmp_path / "two")
    assert seen == ["one"]
    assert (tmp_path / "latest").readlink() == Path("two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]


def test_the_gate_on_the_first_page():
    run = made.results()
    line = next(line for line in summary.headline(run).split("\n") if line.startswith("Gate"))
    assert line == "Gate against 20261101-090000-00aa, at most 5.00 % slower: FAIL (3 cells: 1 passes, 1 slower, 1 refused)"
    passing = replace(run, gate=replace(run.gate, rows=run.gate.rows[:1]))
    assert "slower: pass (1 cells: 1 passes)" in summary.headline(passing)
    nothing = replace(run, gate=replace(run.gate, rows=()))
    assert "NOT JUDGED (0 cells: nothing was measured side by side)" in summary.headline(nothing)


def test_a_refused_gate_says_how_long_it_would_take():
    run = made.results()
    rows = (GateRow(run.contrasts[3].cell, "refused", "the threshold is below what this run finds"),)
    coarse = tuple(replace(each, mde=0.1) if each.factor == "release" else each for each in run.contrasts)
    table = gate.table(replace(run, gate=replace(run.gate, rows=rows), contrasts=coarse))
    # Twice as fine as 10 % takes four times the 20 seconds of this run.
    assert table.notes[-1] == "to find 5.00 % everywhere: --seconds 80, or fewer cells (--backbone, --variant, --runtime, --scenario)"
    hopeless = tuple(replace(each, mde=2.0) if each.factor == "release" else each for each in run.contrasts)
    table = gate.table(replace(run, gate=replace(run.gate, rows=rows), contrasts=hopeless))
    assert table.notes[-1].startswith("no time would do to find 5.00 % here: take fewer cells")
    assert "--seconds" not in " ".join(gate.table(run).notes)
