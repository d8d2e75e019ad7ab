"""A run that was stopped: the next one takes over the parity that it had judged, where nothing has changed, and times anew."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from bench import plan, run, taken_over, trial_options
from bench.evidence.verify import verify
from bench.parity.check import Checked, check
from bench.report import write
from bench.results import INTERRUPTED, Results
from bench.subject import Subject, open_subject
from contract import options as shared
from contract.errors import DataError, Stopped, UsageError
from contract.options import Options
from tests.bench import made
from tests.bench.whole import ready, two_sets


@pytest.fixture
def checked(monkeypatch) -> list[str]:
    """The data sets whose parity is judged from now on; where "stop" is the last of them, the next one is interrupted."""
    names: list[str] = []

    def spied(subject, *rest: object) -> Checked:
        if names[-1:] == ["stop"]:
            names.clear()
            raise KeyboardInterrupt
        names.append(subject.train.dataset)
        return check(subject, *rest)

    monkeypatch.setattr(run, "check", spied)
    return names


def stop(options: Options, checked: list[str], monkeypatch, *, measuring: bool = True) -> Path:
    """The folder of a run that is interrupted in the parity of its second data set."""
    kept = run.Kept.add

    def add(self, **found: object) -> Results:
        if found.keys() & {"floors"}:
            checked.append("stop")
        return kept(self, **found)

    with monkeypatch.context() as patched:
        patched.setattr(run.Kept, "add", add)
        with pytest.raises(Stopped, match=r"the report shows what there was; to go on, .* --resume \d{8}-"):
            run.run(options, measuring=measuring)
    checked.clear()
    return (options.reports / "latest").resolve()


def test_it_judges_what_is_left_and_times_everything(tmp_path, pids, checked, monkeypatch):
    options = two_sets(tmp_path)
    folder = stop(options, checked, monkeypatch)
    assert {row.dataset for row in write.load(folder).parity} == {"wings"}
    results, own = run.run(options, measuring=True, resume="")
    assert checked == ["other"]
    assert own != folder
    assert results.exit_code == 0
    assert {(cell.cell.dataset, cell.error) for cell in results.cells} == {("wings", None), ("other", None)}
    assert [f"on cpu was judged by {folder.name}, which was stopped" in each for each in results.remarks] == [True, False]
    assert verify(own) == 0
    whole, _ = run.run(options, measuring=False)
    assert checked == ["other", "wings", "other"]
    assert (results.parity, results.floors) == (whole.parity, whole.floors)
    assert {(each.dataset, each.path) for each in results.samples} == {(each.dataset, each.path) for each in whole.samples}


def test_what_had_failed_is_judged_again(tmp_path, pids, checked, monkeypatch):
    options = two_sets(tmp_path, change=lambda name, matrix: matrix * 1.01 if name == "sim-dynamic" else matrix)
    stop(options, checked, monkeypatch, measuring=False)
    monkeypatch.setattr("sys.argv", ["bench", "parity", "--resume"])
    results, _ = run.run(options, measuring=False, resume="latest")
    assert (results.exit_code, checked) == (1, ["wings", "other"])
    assert [row.reproduce for row in results.parity if "--resume" in row.reproduce] == []


@pytest.mark.parametrize("killed", [False, True])
def test_the_newest_that_was_stopped_is_found(tmp_path, killed):
    for name, problems in (("20260102-030405-aa", (INTERRUPTED,)), ("20260102-030406-bb", (INTERRUPTED,)), ("20260102-030407-cc", ())):
        (tmp_path / name / "raw").mkdir(parents=True)
        (tmp_path / name / "raw" / taken_over.FILE).write_text("{}")
        results = replace(made.results(), problems=problems)
        write.store(replace(results, times=()) if killed and problems else results, tmp_path / name)
    (tmp_path / "latest").symlink_to("20260102-030406-bb")
    assert taken_over.find("", tmp_path).folder.name == "20260102-030406-bb"
    for name in ("20260102-030405-aa", "20260102-030406-bb"):
        (tmp_path / name / "raw" / taken_over.FILE).unlink()
    with pytest.raises(UsageError, match="no run was stopped after it had judged parity"):
        taken_over.find("", tmp_path)
    for name in ("20260102-030405-aa", "20260102-030407-cc"):
        with pytest.raises(UsageError, match="it was not stopped after it had judged parity"):
            taken_over.find(name, tmp_path)


def test_one_that_was_stopped_before_it_had_judged_anything_or_cannot_be_read_is_passed_over(tmp_path):
    for name, floors in (("20260102-030405-aa", made.results().floors), ("20260102-030406-bb", ()), ("20260102-030407-cc", ())):
        (tmp_path / name / "raw").mkdir(parents=True)
        (tmp_path / name / "raw" / taken_over.FILE).write_text("{}")
        write.store(replace(made.results(), problems=(INTERRUPTED,), floors=floors), tmp_path / name)
    (tmp_path / "20260102-030407-cc" / "results.json").write_text("{")
    before = taken_over.find("", tmp_path)
    assert before.folder.name == "20260102-030405-aa"
    # Who is stopped before as much was taken over goes on after the same run again.
    nothing = replace(made.results(), problems=(INTERRUPTED,), floors=())
    assert str(taken_over.stopped(nothing, tmp_path / "20260102-030406-bb", before)).endswith("--resume 20260102-030405-aa")
    assert str(taken_over.stopped(nothing, tmp_path / "20260102-030406-bb", None)) == taken_over.NOTHING_TO_TAKE


def test_what_has_changed_is_named_and_nothing_is_left_of_the_attempt(tmp_path, pids, checked, monkeypatch):
    options = two_sets(tmp_path)
    folder = stop(options, checked, monkeypatch)
    before = sorted(options.reports.iterdir())
    with pytest.raises(UsageError, match=r"matrix\.parity\.images was 300, and is 9 now"):
        run.run(two_sets(tmp_path, "--images", "9"), measuring=True, resume=folder.name)
    with pytest.raises(UsageError, match=r"ground\.threads was 1, and is 2 now"):
        run.run(replace(options, threads=2), measuring=True, resume=folder.name)
    with monkeypatch.context() as patched:
        patched.setattr(taken_over, "short_hash", lambda _: "another")
        with pytest.raises(UsageError, match=r"ground\.files\.wings/resnet18 was \w+, and is another now"):
            run.run(options, measuring=True, resume=folder.name)
    (folder / "raw" / taken_over.FILE).write_text('{"matrix": ')
    with pytest.raises(DataError) as caught:
        run.run(options, measuring=True, resume=folder.name)
    assert "leave --resume out" in caught.value.next
    assert (checked, sorted(options.reports.iterdir())) == ([], before)


def test_what_is_only_timed_may_be_another(tmp_path, pids, checked, monkeypatch):
    folder = stop(two_sets(tmp_path), checked, monkeypatch)
    results, _ = run.run(two_sets(tmp_path, "--seconds", "0.3"), measuring=True, resume=folder.name)
    assert (results.exit_code, checked) == (0, ["other"])
    assert results.remarks[0].count(" was judged by ") == 1


def test_an_image_that_changed_since_is_found_however_late_it_comes(tmp_path, pids, checked, monkeypatch):
    options = two_sets(tmp_path)
    stop(options, checked, monkeypatch, measuring=False)
    (subject,) = [each for each in opened(options) if each.train.dataset == "wings"]
    last = subject.path(subject.held_out(24, 0)[-1])
    last.write_bytes(b"another")
    with pytest.raises(DataError, match="not the image that the split was made of") as caught:
        run.run(options, measuring=False, resume="")
    assert caught.value.where == str(last)


def test_what_was_taken_over_twice_was_judged_by_the_first(tmp_path, pids, checked, monkeypatch):
    options = two_sets(tmp_path)
    first = stop(options, checked, monkeypatch, measuring=False)
    results, second = run.run(options, measuring=False, resume="")
    assert second != first
    stopped = replace(results, problems=(INTERRUPTED,))
    (part,) = [each for each in plan.make(opened(options), shared.select(options), ("cpu",), measuring=False).parts if "wings" in each.name]
    remark = taken_over.Before(stopped, second)._remark(part)
    assert remark.count(" was judged by ") == 1
    assert first.name in remark


def opened(options: Options) -> list[Subject]:
    matrix = shared.select(options)
    return [open_subject(shared.asked(options, matrix, name, "resnet18"), options.artifacts) for name in matrix.defaults.dataset]


def test_files_of_other_people_are_judged_anew(tmp_path, monkeypatch):
    options = ready(tmp_path, "--onnx", "my.onnx")
    raw = argparse.Namespace(resume="")
    with pytest.raises(UsageError, match="--onnx files are judged anew"):
        trial_options.need_no_resume(options, raw)
