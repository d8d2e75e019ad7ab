"""What two runs have in common, what differs, and what is never compared."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench.across import tables
from bench.across.compare import compare, overlap
from bench.across.found import Comparison
from bench.report.table import to_markdown
from bench.report.typeset import to_text
from bench.results import Interval, Results
from bench.timed import Measured
from contract.manifest import Accuracy
from contract.matrix import Hole
from tests.bench import made
from tests.bench.across.two import elsewhere, first, moved, same
from tests.bench.test_report import ACTING


def differing(found: Comparison) -> dict[tuple[str, str], tuple[str, str, str | None]]:
    return {(each.where, each.key): (each.one, each.other, each.rule) for each in found.differences}


def test_two_runs_alike():
    found = compare(first(), same())
    assert (found.differences, found.refused, found.verdicts, found.accuracies, found.only) == ((), (), (), (), ())
    assert (found.cells, found.rows) == (5, 4)
    assert [each.overlap for each in found.ratios] == [True, None, True]
    assert [table.title for table in tables.all_tables(found)] == ["Ratios"]
    said = tables.headline(found)
    assert said[2].startswith(
        "Times of 5 cells in both: nothing that the runners report speaks against comparing them, and yet they are not"
    )
    assert said[3] == "Parity: 4 rows in both, of which 0 have another verdict; 0 in one run alone"
    assert said[4].endswith("the intervals of 2 of 2 overlap; nothing more is claimed")
    assert "python -m bench run --gate 20261121-101500-00ff " in said[5]


def test_another_cpu_and_another_library():
    found = compare(first(), elsewhere(same(), "avx2", "avx512f", version="1.32.0"))
    assert found.refused == ("cpu_flags", "version")
    assert differing(found) == {
        ("machine", "cpu"): ("AMD EPYC", "Xeon", None),
        ("machine", "cpu_flags"): ("only here: fma", "only here: avx512f", "must-equal"),
        ("packages", "onnxruntime"): ("1.31.1", "1.32.0", None),
        **{
            (name, "cpu_flags"): ("only here: fma", "only here: avx512f", "must-equal")
            for name in ("torch-eager", "ort-python", "ort-rust")
        },
        **{(name, "version"): ("1.31.1", "1.32.0", "must-equal") for name in ("ort-python", "ort-rust")},
    }
    assert tables.headline(found)[2] == "Times of 5 cells in both are NOT COMPARABLE: cpu_flags, version"
    assert [each.overlap for each in found.ratios] == [True, None, True], "each ratio was measured side by side, and may stand"


def test_runs_without_a_cell_in_both_have_no_times_to_refuse():
    found = compare(replace(first(), cells=()), elsewhere(same(), "sse2"))
    assert (found.cells, found.refused) == (0, ())
    assert ("machine", "cpu_flags") in differing(found)
    assert tables.headline(found)[2] == "Times: no cell has a number in both runs"


def with_options(run: Results, **options: object) -> Results:
    def changed(cell: Measured) -> Measured:
        return replace(cell, options=options) if cell.cell.runtime == "ort-rust" and cell.cell.scenario == "latency" else cell

    return replace(run, cells=tuple(map(changed, run.cells)))


def test_options_models_and_settings():
    other = with_options(replace(same(), device="cpu", seed=3), threads=4, arena=True)
    subjects = (replace(other.subjects[0], config="ffffffff", variants=(replace(other.subjects[0].variants[0], sha256="ee" * 32),)),)
    found = compare(with_options(first(), threads=2, arena=True), replace(other, subjects=subjects))
    assert found.refused == ("threads",)
    assert differing(found) == {
        ("run", "device"): ("auto", "cpu", None),
        ("run", "seed"): ("0", "3", None),
        ("ort-rust sessions", "threads"): ("2", "4", "must-equal"),
        ("wings/resnet18", "config"): ("0123abcd", "ffffffff", None),
        ("wings/resnet18", "raw-dynamic"): ("file abababababab, graph cd", "file eeeeeeeeeeee, graph cd", None),
        ("wings/resnet18", "sim-dynamic"): ("file abababababab, graph cd", "-", None),
        ("wings/resnet18", "sim-static"): ("file abababababab, graph cd", "-", None),
        ("models", "wings/regnet_x_400mf"): ("there", "-", None),
    }


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"source": "66" * 32}, ("source",)),  # another runner: of one runtime nothing explains that
        ({"library_sha256": "66" * 32, "pid": 9, "packages": {"x": "1"}}, ()),  # recorded
        ({"process": {"affinity": "0"}}, ("affinity",)),
        ({"commit": "6af1a932e" + "0" * 31}, ()),  # the same commit in all its digits
        ({"commit": None}, ("commit",)),
    ],
)
def test_the_rules_for_comparing_decide(change, refused):
    run = same()
    other = replace(run, receipts=run.receipts | {"ort-python": replace(run.receipts["ort-python"], **change)})
    assert compare(first(), other).refused == refused


def test_a_runtime_without_a_receipt_is_refused_by_name():
    other = replace(same(), receipts={name: each for name, each in same().receipts.items() if name != "ort-rust"})
    found = compare(first(), other)
    assert found.refused == ("no receipt of ort-rust",)
    assert differing(found) == {("runtimes", "ort-rust"): ("there", "-", None)}


def test_verdicts_and_accuracies_that_moved():
    found = compare(first(), moved())
    assert [(each.row.variant, each.row.runtime, each.one, each.one_differ, each.other, each.other_differ) for each in found.verdicts] == [
        ("raw-dynamic", "ort-rust", "pass", "0 of 300", None, "-"),
        ("sim-static", "ort-rust", "FAIL", "3 of 300", "pass", "1 of 300"),
    ]
    (moves,) = found.accuracies
    assert (moves.row.variant, moves.row.runtime, moves.one.correct, moves.other.correct) == ("raw-dynamic", "ort-python", 290, 288)
    text = to_markdown(tables.verdicts(found))
    assert "| wings/resnet18 \\(random\\) | raw-dynamic | ort-rust cpu | pass | 0 of 300 | not in it | - |" in text
    assert tables.headline(found)[3] == "Parity: 3 rows in both, of which 1 have another verdict; 1 in one run alone"


def test_every_table_says_random_weights():
    found = compare(first(), replace(moved(), subjects=(replace(made.subject(had="torchvision/x.DEFAULT")),)))
    assert {row[0] for table in (tables.verdicts(found), tables.accuracies(found)) for row in table.rows} == {
        "wings/resnet18 (random, then x.DEFAULT)"
    }
    said = "started from random weights: 20261121-101500-00ff: wings/resnet18"
    assert [table.notes[-1] for table in (tables.ratios(found), tables.only(found))] == [said, said]


def test_the_references_accuracy_stands_once():
    run = same()
    other = replace(run, parity=tuple(replace(each, reference_accuracy=Accuracy(280, 300, 0.9, 0.95)) for each in run.parity))
    found = compare(first(), other)
    assert [(each.row.variant, each.row.runtime, each.other.correct) for each in found.accuracies] == [("eager", "reference", 280)]


def test_ratios_side_by_side():
    found = compare(first(), moved())
    rust, eager, simplified = found.ratios
    assert (rust.one, rust.other, rust.overlap) == (Interval(0.975, 0.971, 0.979), Interval(0.99, 0.985, 0.995), False)
    assert (eager.one_why, eager.other_why, eager.overlap) == ("not comparable: threads", "too few processes", None)
    assert simplified.overlap is True
    assert {each.factor for each in found.ratios} == {"runtime", "variant"}, "a file of a third run is no cell of these"
    text = to_text([tables.ratios(found)])
    assert re.search(r"0\.975 \[0\.971, 0\.979\] │\s+0\.990 \[0\.985, 0\.995\] │ they do not overlap", text)
    assert re.search(r"not comparable: threads │\s+too few processes │ -", text)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ((1.0, 0.9, 1.1), (1.1, 1.1, 1.2), True),
        ((1.0, 0.9, 1.1), (1.2, 1.1001, 1.3), False),
        ((1.0, 0.9, 1.1), (1.0, 0.95, 1.05), True),
        ((2.0, 1.9, 2.1), (1.0, 0.9, 1.1), False),
    ],
)
def test_overlap(one, other, found):
    assert overlap(Interval(*one), Interval(*other)) is found
    assert overlap(Interval(*other), Interval(*one)) is found
    assert overlap(Interval(*one), None) is None


def test_cells_in_one_run_alone_with_the_reason():
    run = moved()
    gone = first().cells[3].cell
    found = compare(first(), run)
    assert [(each.cell, each.run, each.why) for each in found.only] == [(gone, first().run, "not asked for")]
    hole = replace(run, holes=(Hole(gone, "failed parity"),))
    assert compare(first(), hole).only[0].why == "hole: failed parity"
    error = replace(run, cells=(*run.cells, replace(first().cells[3], error="died")))
    assert compare(first(), error).only[0].why == "error: died"
    (other_way,) = compare(run, first()).only
    assert (other_way.cell, other_way.run) == (gone, first().run)


def test_controls_and_files_of_a_third_run_are_no_cells():
    own = first().cells[0]
    extra = tuple(replace(own, cell=replace(own.cell, variant=f"raw-dynamic{suffix}")) for suffix in (" again", " old"))
    found = compare(replace(first(), cells=(*first().cells, *extra)), same())
    assert (found.cells, found.only) == (5, ())


def test_no_time_of_one_run_stands_beside_one_of_the_other():
    """Absolute times are in no table and no sentence."""
    found = compare(first(), moved())
    text = tables.markdown(found)
    assert not re.search(r"\d (ns|us|ms|s)\b", text)
    assert "4000000" not in text


def test_hostile_names_stay_text():
    hostile = made.hostile()
    other = replace(hostile, run=made.HOSTILE[4], environment=replace(hostile.environment, cpu=made.HOSTILE[6]), parity=hostile.parity[1:])
    named = tuple(replace(first().cells[0], cell=replace(first().cells[0].cell, backbone=name)) for name in made.HOSTILE)
    found = compare(replace(hostile, cells=named), replace(other, cells=named[:1]))
    text = tables.markdown(found)
    assert not ACTING.search(text)
    assert "<script>" not in text
    assert not ACTING.search(to_text(tables.all_tables(found)))
