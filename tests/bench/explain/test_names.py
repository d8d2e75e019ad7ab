"""Names of cells as users type them."""

from __future__ import annotations

import pytest

from bench.explain import names
from contract.errors import UsageError
from contract.matrix import Hole
from tests.bench.fakes import cell

CELLS = [
    cell("eager", "torch-eager"),
    cell("raw-dynamic", "ort-python"),
    cell("raw-dynamic", "ort-rust"),
    cell("raw-dynamic", "ort-rust", "throughput", 8),
    cell("eager", "torch-eager", backbone="regnet_x_400mf"),
]


def test_a_name_is_the_words_of_the_tables_and_no_more():
    assert names.name(CELLS[2], CELLS) == "resnet18/raw-dynamic/ort-rust/latency"
    assert names.name(CELLS[2], [*CELLS, cell(provider="cuda")]) == "resnet18/raw-dynamic/ort-rust/cpu/latency"
    assert names.name(CELLS[2], [*CELLS, cell(dataset="rps")]) == "wings/resnet18/raw-dynamic/ort-rust/latency"


def test_every_cell_is_found_by_its_name():
    several = [*CELLS, cell(provider="cuda"), cell(dataset="rps")]
    for cells in (CELLS, several):
        assert [names.find(names.name(each, cells), cells) for each in cells] == cells


def test_a_scenario_of_several_batches_is_named_with_them():
    cells = [*CELLS, *(cell(runtime=name, scenario="curve", batch=batch) for name in ("ort-python", "ort-rust") for batch in (1, 32))]
    assert [names.name(each, cells) for each in cells[-2:]] == [f"resnet18/raw-dynamic/ort-rust/curve-{batch}" for batch in (1, 32)]
    assert names.name(CELLS[3], cells) == "resnet18/raw-dynamic/ort-rust/throughput"
    assert [names.find(names.name(each, cells), cells) for each in cells] == cells
    assert names.find("ort-rust/curve-1", cells) == cells[-2]
    with pytest.raises(
        UsageError, match=r"could be 2 cells: resnet18/raw-dynamic/ort-rust/curve-1, resnet18/raw-dynamic/ort-rust/curve-32"
    ):
        names.find("ort-rust/curve", cells)


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("ort-rust/throughput", 3),
        ("throughput", 3),
        ("throughput-8", 3),
        ("latency/ort-python", 1),
        ("resnet18/torch-eager", 0),
        ("wings/regnet_x_400mf", 4),
        ("resnet18/raw-dynamic/ort-rust/cpu/latency-1", 2),
    ],
)
def test_fewer_words_will_do_and_in_any_order(text, which):
    assert names.find(text, CELLS) == CELLS[which]


def test_the_name_itself_goes_before_words_that_fit_more():
    cells = [cell(scenario="throughput", batch=32), cell(scenario="throughput-32", batch=64)]
    assert names.find("resnet18/raw-dynamic/ort-python/throughput-32", cells) == cells[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resnet18/raw-dynamic/ort-rst/latency", "did you mean 'resnet18/raw-dynamic/ort-rust/latency'"),
        ("resnet18/latency", "could be 3 cells: resnet18/eager/torch-eager/latency, resnet18/raw-dynamic/ort-python/latency, "),
        ("", "unknown cell ''; known: regnet_x_400mf/eager/torch-eager/latency, "),
        ("raw-static/throughput", "'raw-static/throughput' was not measured: static batch 1"),
        ("[red]x[/red]", "unknown cell"),
    ],
)
def test_a_name_that_is_none(text, said):
    with pytest.raises(UsageError) as caught:
        names.find(text, CELLS, [Hole(cell("raw-static", "ort-rust", "throughput", 8), "static batch 1")])
    assert said in str(caught.value)
    assert caught.value.where == "--explain"


def test_many_cells_are_not_all_listed():
    cells = [cell(backbone=f"b{number}") for number in range(30)]
    with pytest.raises(UsageError, match=r"could be 30 cells: b0/.*/latency, … \(30 in all\)") as caught:
        names.find("latency", cells)
    assert "b12/" not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "labels"),
    [
        (CELLS[0], CELLS[1], ("torch-eager", "ort-python raw-dynamic")),
        (CELLS[1], CELLS[2], ("ort-python", "ort-rust")),
        (cell("sim-dynamic"), cell("raw-dynamic"), ("sim-dynamic", "raw-dynamic")),
        (cell("sim-dynamic", "ort-rust"), cell("raw-dynamic"), ("ort-rust sim-dynamic", "ort-python raw-dynamic")),
    ],
)
def test_labels_are_what_tells_two_cells_apart(one, other, labels):
    assert names.labels(one, other) == labels
    assert names.labels(other, one) == labels[::-1]


def test_a_file_name_holds_nothing_that_acts():
    made = names.file_name("a/b/../../etc", "x\0\n| $(rm) é")
    assert made == "explain-a-b-..-..-etc-x-rm-"
    assert "/" not in made
