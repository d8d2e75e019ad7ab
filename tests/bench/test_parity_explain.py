"""What stands in a row that failed when the ledger or the search inside the model found nothing, or could not be asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.blame.found import PROGRAM_RAW
from bench.fleet import Fleet
from bench.parity import explain
from bench.parity.check import Checked, check
from bench.progress import Progress
from bench.runner import RunnerLate
from tests.bench import fakes
from tests.bench.blame.test_command import NOTHING
from tests.bench.fleets import gate


def rust(checked: Checked):
    return next(row for row in checked.rows if (row.runtime, row.variant) == ("ort-rust", "raw-dynamic"))


def test_what_only_batches_show_is_not_called_proven(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", noise=0.001))
    blame = rust(gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-dynamic",)))).blame
    assert blame.stage == "logits"
    assert blame.said.startswith("logits is where it shows, one image at a time no stage makes a difference: ")


def test_stages_that_cannot_be_asked_are_not_called_innocent(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", noise=0.001, lacks="stages"))
    blame = rust(gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-dynamic",)))).blame
    assert blame.said.startswith("logits is where it shows, its stages could not be asked (ort-rust: ")


def changed(folder: Path):
    return fakes.subject(folder, change=lambda name, matrix: matrix * 1.001 if name == "raw-dynamic" else matrix)


def test_who_hangs_inside_the_model_is_given_up_and_not_the_suspect(tmp_path, monkeypatch):
    fakes.use(monkeypatch)

    started = []

    def hangs(fleet: Fleet, *_: object) -> None:
        started.extend(receipt.pid for receipt in fleet.receipts.values())
        raise RunnerLate("no answer within 60 s; it was killed", where="torch-eager: predict")

    monkeypatch.setattr(explain, "blame_model", hangs)
    (tmp_path / "work").mkdir()
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet:
        checked = check(changed(tmp_path), fleet, fakes.matrix(variants=("raw-dynamic",)), "cpu", tmp_path / "work", Progress(1))
        assert set(fleet.given_up) == {"torch-eager"}
        assert all(fakes.alive(pid) == [] for pid in started)
    assert [row.blame.said.endswith("it was killed") for row in checked.rows] == [True, True]


@pytest.mark.parametrize(("edge", "asked"), [(PROGRAM_RAW, 1), (None, 2)])
def test_a_file_is_searched_once_unless_nothing_was_found(tmp_path, monkeypatch, edge, asked):
    fakes.use(monkeypatch)
    calls = []

    def found(*arguments: object):
        calls.append(arguments)
        return replace(NOTHING, edge=edge)

    monkeypatch.setattr(explain, "blame_model", found)
    checked = gate(tmp_path, changed(tmp_path), fakes.matrix(variants=("raw-dynamic",)))
    assert len(calls) == asked
    assert [row.model.edge for row in checked.rows] == [edge, edge]
