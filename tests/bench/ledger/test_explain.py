"""The ledger over fake runners, from the gate's rows to the stage that is blamed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.ledger import rows
from bench.ledger.explain import explain
from bench.ledger.found import StageReport
from bench.ledger.stages import STAGES
from bench.parity.check import Checked, check
from bench.progress import Progress
from bench.subject import Subject
from contract import strict
from contract.matrix import Matrix
from tests.bench import fakes

TOLERANCE = 1e-5


def report(folder: Path, subject: Subject, *, runtime: str = "ort-rust", count: int = 6, seconds: float | None = None) -> StageReport:
    paths = [str(subject.path(entry)) for entry in subject.held_out(count, 0)]
    work = folder / "work"
    work.mkdir(exist_ok=True)
    with Fleet(fakes.RUNTIMES, 1, folder / "logs") as fleet:
        found = explain(
            fleet, subject, "raw-dynamic", runtime, "cpu", "torch-eager", paths, TOLERANCE, work, Progress(1), seconds,
        )  # fmt: skip
    assert strict.decode(StageReport, strict.loads(strict.pretty(found), "report"), "report") == found  # as results.json has it
    assert [path.name for path in work.iterdir() if path.suffix == ".npz"] == []
    return found


def gate(folder: Path, subject: Subject, matrix: Matrix | None = None) -> Checked:
    work = folder / "gate"
    work.mkdir()
    with Fleet(fakes.RUNTIMES, 1, folder / "logs") as fleet:
        return check(subject, fleet, matrix or fakes.matrix(), "cpu", work, Progress(1))


@pytest.mark.parametrize("stage", STAGES[:5])
def test_the_stage_that_shifts_the_pixels_is_blamed(tmp_path, monkeypatch, stage):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", shift=3, at=stage))
    found = report(tmp_path, fakes.subject(tmp_path))
    assert [fault.stage for fault in found.faults] == [stage]
    assert (found.faults[0].images, found.faults[0].alone, found.images) == (6, 6, 6)
    assert found.faults[0].effect == pytest.approx(1, abs=1e-3)
    rows = {row.stage: row for row in found.stages}
    before = STAGES[: STAGES.index(stage)]
    assert [rows[name].equal for name in before] == [6] * len(before)
    assert [rows[name].equal for name in STAGES[len(before) : 5]] == [0] * (5 - len(before))
    assert found.blame is not None
    assert found.blame.said.startswith(f"{stage} is to blame (made there in 6 of 6 images, 100.0 % of the effect on the logits")


def test_a_clean_runtime_is_not_blamed(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    found = report(tmp_path, fakes.subject(tmp_path))
    assert (found.faults, found.blame, found.error, found.flips) == ((), None, None, 0)
    assert [(row.images, row.equal) for row in found.stages] == [(6, 6)] * len(STAGES)


def test_wrong_weights_are_the_models(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path, change=lambda _, matrix: matrix[:, [1, 2, 0]])
    found = report(tmp_path, subject, count=20)
    assert [fault.stage for fault in found.faults] == ["logits"]
    assert found.faults[0].flips == found.flips > 10
    assert found.faults[0].causes[0].name == "columns in another order: 0 -> 1, 1 -> 2, 2 -> 0"
    assert found.faults[0].causes[0].exact == 20


def test_class_names_in_another_order_are_the_labels(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    subject = replace(subject, train=replace(subject.train, classes=fakes.CLASSES[::-1]))
    found = report(tmp_path, subject)
    assert found.blame is not None
    assert found.blame.stage == "label"
    assert "class names in another order (reversed): " in found.blame.said
    assert "RED ADMIRAL -> ORACLE'S EYE" in found.blame.said


def test_a_runner_without_the_verb_and_one_that_dies_say_so(tmp_path, monkeypatch):
    subject = fakes.subject(tmp_path)
    for descriptor, said in (
        (fakes.descriptor("ort-rust", lacks="stages"), "stages"),
        (fakes.descriptor("ort-rust", "crash", verb="stages"), "ort-rust: stages: died (signal SIGSEGV)"),
    ):
        fakes.use(monkeypatch, ort_rust=descriptor)
        found = report(tmp_path, subject)
        assert found.error is not None
        assert said in found.error
        assert (found.images, found.faults, found.blame) == (0, (), None)


def test_a_reference_that_dies_is_not_the_candidates_fault(tmp_path, monkeypatch):
    fakes.use(monkeypatch, torch_eager=fakes.descriptor("torch-eager", "crash", verb="stages"))
    found = report(tmp_path, fakes.subject(tmp_path))
    assert found.error == "torch-eager: stages: died (signal SIGSEGV)"
    assert (found.images, found.faults) == (0, ())


def test_time_bounds_the_images(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    assert report(tmp_path, fakes.subject(tmp_path), seconds=1e-9).images == 2


def test_the_gate_blames_what_it_fails_and_leaves_the_rest_alone(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", shift=1, at="crop", shifted="sim"))
    checked = gate(tmp_path, fakes.subject(tmp_path))
    bad = [("ort-rust", "sim-static"), ("ort-rust", "sim-dynamic")]
    assert [(each.runtime, each.variant) for each in checked.stages] == bad
    assert {(row.runtime, row.variant): row.blame.stage for row in checked.rows if row.blame is not None} == dict.fromkeys(bad, "crop")
    assert {each.images for each in checked.stages} == {rows.FAILING}  # all fail, so there are no others


def test_stages_of_everything_on_request(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    matrix = fakes.matrix()
    checked = gate(tmp_path, fakes.subject(tmp_path), replace(matrix, parity=replace(matrix.parity, stages=True)))
    assert len(checked.stages) == 8
    assert {each.images for each in checked.stages} == {24}
    assert all(row.passed and row.blame is None for row in checked.rows)


def test_failing_images_first_and_a_few_others():
    paths = [str(number) for number in range(40)]
    failing = np.zeros(40, dtype=bool)
    failing[[3, 39]] = True
    assert rows.choose(paths, failing) == ["3", "39", "0", "1", "2", "4"]
    assert len(rows.choose(paths, ~failing)) == rows.FAILING + 2
