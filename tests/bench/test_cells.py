"""`bench list`: what a run would take, printed without starting anything."""

from __future__ import annotations

import json

import pytest

from bench import cells
from bench.subject import Subject
from contract.errors import UsageError
from contract.options import select
from tests.bench.test_main import bench
from tests.bench.whole import MATRIX, ready


def test_cells_and_holes_by_name(tmp_path, capsys):
    assert cells.show(ready(tmp_path, "-k", "throughput and not sim-dynamic")) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "resnet18/eager/torch-eager/throughput",
        "resnet18/raw-dynamic/ort-python/throughput",
        "resnet18/raw-dynamic/ort-rust/throughput",
        "resnet18/raw-static/ort-python/throughput  (hole: static batch 1)",
        "resnet18/raw-static/ort-rust/throughput  (hole: static batch 1)",
    ]
    assert told.err == "3 cells, 2 holes\n"


def test_every_name_that_is_printed_takes_its_own_cell(tmp_path, capsys):
    matrix = MATRIX.replace(
        'name = "throughput", kind = "throughput", batch = 8', 'name = "throughput", kind = "throughput", batch = [1, 16]'
    )
    options = ready(tmp_path, matrix=matrix)
    cells.show(options)
    names = [line.partition("  (hole")[0] for line in capsys.readouterr().out.splitlines()]
    assert len(names) == len(set(names)) == 27
    for name in names:
        cells.show(ready(tmp_path, "-k", name, matrix=matrix))
        assert [line.partition("  (hole")[0] for line in capsys.readouterr().out.splitlines()] == [name]


def test_as_data(tmp_path, capsys):
    options = ready(tmp_path, "--json")
    assert cells.show(options) == 0
    told = json.loads(capsys.readouterr().out)
    found, holes = select(options).cells("wings", "resnet18", ("cpu",))
    assert [(each["variant"], each["runtime"], each["scenario"], each["batch"]) for each in told["cells"]] == [
        (cell.variant, cell.runtime, cell.scenario, cell.batch) for cell in found
    ]
    assert [(each["name"], each["why"]) for each in told["holes"]] == [
        (f"resnet18/raw-static/{hole.cell.runtime}/throughput", "static batch 1") for hole in holes
    ]


def test_given_files_are_not_in_the_matrix(tmp_path):
    with pytest.raises(UsageError, match="not those of given files"):
        cells.show(ready(tmp_path, "--onnx", "my.onnx"))


def test_nothing_is_opened(tmp_path, monkeypatch, capsys):
    """Before anything was trained: no artifact is looked for."""
    monkeypatch.setattr(Subject, "missing", lambda *_: pytest.fail("a subject was asked"))
    assert cells.show(ready(tmp_path)) == 0
    assert not (tmp_path / "artifacts").exists()


def test_the_command(tmp_path):
    done = bench("list", "-k", "resnet18/raw-dynamic/ort-rust/latency", "--device", "cpu")
    assert (done.returncode, done.stdout, done.stderr) == (0, "resnet18/raw-dynamic/ort-rust/latency\n", "1 cells, 0 holes\n")
    done = bench("list", "-k", "resnet19")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: -k 'resnet19': no cell has 'resnet19' in its name; did you mean 'resnet18'?\n")
    assert "where CUDA is found" in bench("list").stderr
