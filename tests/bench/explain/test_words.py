"""The sentences and tables of an explanation, and names in them that would like to be more than text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench.explain import command, tables
from bench.explain.found import Explanation
from bench.results import Interval
from contract import strict
from tests.bench.explain import made
from tests.bench.explain.made import EAGER, MS, PYTHON, RUST, onnx, processes, torch, with_operators
from tests.bench.made import HOSTILE
from tests.bench.test_report import ACTING


def explained(a=None, b=None, results=None, first=EAGER, second=PYTHON) -> Explanation:
    run = results or made.results()
    by_cell = {each.cell: each for each in run.cells}
    pair = by_cell[first], by_cell[second]
    looks = a or processes(torch, 20, 20.5, 21), b or processes(onnx, 16, 16, 16)
    return command.conclude(run, pair, looks, 8, run.receipts)


def test_the_conclusion_is_computed():
    found = explained()
    assert found.differ
    assert found.standing == (
        "torch-eager takes 1.660 [1.600, 1.700] times as long as ort-python raw-dynamic in the run"
        " (here 1.667, 1.694, 1.722 in 3 processes)"
    )
    assert found.conclusion == (
        "torch-eager takes 12.50 ms longer a forward than ort-python raw-dynamic (30.50 ms against 18.00 ms); of that, 36 % lies in"
        " convolution (33 to 38 % in each of 3 processes), 32 % lies in normalisation (31 to 33 % in each of 3 processes), which ort-python"
        " raw-dynamic has no operators of, 16 % lies in activation (15 to 17 % in each of 3 processes), which ort-python raw-dynamic has no"
        " operators of."
    )


def test_the_other_way_round_it_says_the_same():
    found = explained(processes(onnx, 16, 16, 16), processes(torch, 20, 20.5, 21), first=PYTHON, second=EAGER)
    assert found.stored.verdict == "faster"
    assert found.stored.ratio == Interval(1 / 1.66, 1 / 1.7, 1 / 1.6)
    assert found.conclusion == explained().conclusion


def test_what_works_against_the_difference_is_named():
    overhead = [replace(look, wall=look.wall + 4 * MS, forward=look.forward + 4 * MS) for look in processes(onnx, 16, 16, 16)]
    found = explained(processes(torch, 24, 24, 24), overhead)
    assert found.conclusion.endswith("; against it works outside of operators (-23 %).")  # 0.8 + 4 against 2, of 24 + 10 - 22


def test_one_cause_is_enough():
    found = explained(processes(torch, 120, 120, 120))
    assert found.conclusion.count("% lies") == 1
    assert "93 % lies in convolution (93 to 93 % in each of 3 processes)." in found.conclusion


@pytest.mark.parametrize(
    ("ratio", "verdict", "said"),
    [
        (
            Interval(1.0, 0.98, 1.02),
            "inconclusive",
            "These two do not differ measurably: torch-eager takes 1.000 [0.980, 1.020] times as long",
        ),
        (Interval(1.0, 0.995, 1.004), "equivalent", "These two do not differ measurably"),
        (Interval(0.5, 0.4, 0.6), "faster", "The processes of this look do not bear that out"),
    ],
)
def test_what_does_not_differ_is_said_first_and_shown_all_the_same(ratio, verdict, said):
    found = explained(results=made.results(ratio, verdict))
    text = tables.markdown(found)
    assert said in found.standing
    assert ("; it finds slow-downs from 1.20 % on; here " in found.standing) is (verdict != "faster")
    assert found.conclusion == "Nothing is shared out: the +12.50 ms a forward seen here is no difference that can be explained."
    assert "take the shares" not in "".join(found.notes)
    assert text.index(found.standing[:20]) < text.index("Where the difference lies")
    assert "| convolution | 20.50 ms | 16.00 ms | \\+4.50 ms | - | - |" in text


def test_cells_that_may_not_be_compared():
    run = made.results()
    found = explained(results=replace(run, contrasts=(replace(run.contrasts[0], verdict=None, not_comparable="threads"),)))
    assert found.standing.startswith("The run cannot compare these two: threads (here 1.667, ")
    assert not found.differ


def test_two_cells_without_a_contrast_of_their_own():
    """torch-eager against ort-rust: one process of paired blocks says nothing, so this look decides."""
    found = explained(first=EAGER, second=RUST)
    assert found.stored.ratio is None
    assert found.standing.startswith("The run has too few processes to tell whether these two differ; they differ: here 1.667, ")
    assert "which ort-rust raw-dynamic has no operators of" in found.conclusion


def test_notes_state_what_recording_costs_and_what_is_folded():
    notes = "\n".join(explained().notes)
    assert "recording costs torch-eager +3.00 ms a forward (10 %), ort-python raw-dynamic +1.00 ms a forward (6 %)" in notes
    assert "only torch-eager has operators of normalisation, activation, elementwise: in ort-python raw-dynamic they are part of" in notes
    assert "the nodes of torch-eager are its layers" in notes
    assert "take the shares for a hint" not in notes
    small = explained(processes(torch, 10, 10, 10), results=made.results(Interval(1.1, 1.05, 1.15), "slower"))
    assert "recording seems to cost more than 25 % of the difference" in "\n".join(small.notes)


def test_processes_that_do_not_agree_on_the_cause_are_named():
    assert "do not agree" not in "\n".join(explained().notes)
    noisy = explained(processes(torch, 20, 26, 90))
    assert "the processes do not agree on the share of convolution, normalisation: the machine was busy" in "\n".join(noisy.notes)


def test_other_builds_than_the_run_measured_are_named():
    run = made.results()
    pair = run.cells[0], run.cells[1]
    now = run.receipts | {"ort-python": replace(run.receipts["ort-python"], version="1.32.0")}
    found = command.conclude(run, pair, (processes(torch, 20, 20, 20), processes(onnx, 16, 16, 16)), 8, now)
    assert found.notes[-1] == "ort-python is not the build that the run measured: 1.31.1 then, 1.32.0 now, or another file of it"


def test_on_cuda_nothing_is_shared_out():
    run = made.results()
    cells = tuple(replace(each, cell=replace(each.cell, provider="cuda")) for each in run.cells)
    contrast = replace(run.contrasts[0], cell=cells[0].cell, base=cells[1].cell)
    found = explained(results=replace(run, cells=cells, contrasts=(contrast,)), first=cells[0].cell, second=cells[1].cell)
    assert found.differ
    assert "nothing is shared out" in found.conclusion
    assert {part.share for part in found.parts} == {None}


def test_tables():
    found = explained()
    walls, parts, kinds, torch_nodes, onnx_nodes = tables.all_tables(found)
    assert walls.rows[0] == ("wall time, without a profiler", "30.50 ms", "18.00 ms", "+12.50 ms")
    assert walls.rows[2] == ("so recording costs", "+3.00 ms", "+1.00 ms", "")
    assert walls.notes == found.notes
    assert parts.rows[0] == ("convolution", "20.50 ms", "16.00 ms", "+4.50 ms", "36 %", "33 to 38 %")
    assert parts.rows[-1] == ("together: the wall time", "30.50 ms", "18.00 ms", "+12.50 ms", "100 %", "-")
    assert kinds.rows[0] == ("convolution", "aten::mkldnn_convolution", "20.00 ms", "20", "-", "-", "+20.00 ms")
    assert kinds.rows[1] == ("convolution", "Conv", "-", "-", "16.00 ms", "20", "-16.00 ms")
    assert len(torch_nodes.rows) == 10
    assert torch_nodes.title == "resnet18 (random): The 10 dearest nodes of torch-eager"
    assert torch_nodes.rows[0] == ("layer11.conv", "Conv2d", "11.00 ms", "36 %")
    assert len(onnx_nodes.rows) == 8


def test_nodes_of_one_name_stand_side_by_side():
    same = explained(processes(onnx, 20, 20, 20), first=PYTHON, second=RUST)
    nodes = tables.all_tables(same)[3]
    assert nodes.columns == ("node", "kind", "ort-python", "ort-rust", "of the forward")
    assert nodes.rows[0] == ("node_conv2d_7", "Conv", "7.00 ms", "7.00 ms", "32 %")


def test_small_kinds_are_left_out_and_counted():
    many = [with_operators(look, {"Shape": 100.0, "Cast": 200.0}) for look in processes(onnx, 16, 16, 16)]
    kinds = tables.all_tables(explained(b=many))[2]
    assert {"Shape", "Cast"}.isdisjoint(row[1] for row in kinds.rows)
    assert kinds.notes == ("2 kinds below 0.10 % of the wall time are left out here, and stand in the .json",)


def test_the_json_is_the_explanation():
    found = explained()
    assert strict.decode(Explanation, strict.loads(strict.pretty(found), "x"), "x") == found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text):
    looks = [with_operators(look, {text: 9 * MS}) for look in processes(torch, 20, 20, 20)]
    a = [replace(look, nodes={(text, text): 99 * MS}) for look in looks]
    found = explained(a)
    markdown = tables.markdown(replace(found, a=replace(found.a, name=text, label=text), run=text))
    assert not ACTING.search(markdown)
    assert not re.search(r"(?<!\\)[<\[]", markdown.replace("&lt;", ""))
    assert len({line.count(" | ") for line in markdown.split("### ")[3].splitlines() if line.startswith("| ")}) == 1
