"""`bench report [RUN [RUN2]]`: runs by name or folder, files, exit codes, and runs that cannot be reported on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.across.found import Comparison
from bench.report import write
from bench.report.stored import open_run
from bench.results import FORMAT, Results
from contract import options as shared
from contract import strict
from contract.errors import DataError, UsageError
from tests.bench.across.two import elsewhere, first, moved, same
from tests.bench.test_main import bench


def store(results: Results, reports: Path) -> Path:
    folder = reports / results.run
    folder.mkdir(parents=True)
    write.store(results, folder)
    return folder


@pytest.fixture
def reports(tmp_path) -> Path:
    for run in (first(), moved()):
        store(run, tmp_path)
    write.publish(tmp_path / first().run)
    return tmp_path


def report(reports: Path, *arguments: str) -> int:
    parser = shared.parser("bench report", "")
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--explain", nargs=2)
    options, raw = shared.parse(parser, [*arguments, "--reports", str(reports)])
    return command.report(options, raw)


def test_any_stored_run_is_rendered_again(reports, capsys):
    older = reports / moved().run
    assert report(reports, moved().run) == 0
    assert capsys.readouterr().out == f"{older}/index.html\n"
    assert {"index.html", "summary.md", "results.csv", "parity.csv"} <= {path.name for path in older.iterdir()}
    assert not (reports / first().run / "index.html").exists(), "the other run is not touched"
    assert report(reports, str(reports / first().run)) == 0
    assert report(reports) == 0
    assert capsys.readouterr().out.splitlines() == [f"{reports}/latest/index.html"] * 2
    assert (reports / "latest").resolve().name == first().run


def test_two_runs_are_compared(reports, capsys):
    assert report(reports, first().run, moved().run) == 0
    path = reports / moved().run / f"compare-{first().run}.md"
    told = capsys.readouterr()
    assert told.out == f"{path}\n"
    assert "Parity: other verdicts" in told.err
    assert path.read_text().startswith(f"# Concord: {first().run} beside {moved().run}\n")
    found = strict.decode(Comparison, json.loads(path.with_suffix(".json").read_text()), "json")
    assert [each.one for each in found.verdicts] == ["pass", "FAIL"]
    assert report(reports, "latest", str(reports / moved().run), "--json") == 0
    assert json.loads(capsys.readouterr().out) == strict.plain(found)


def test_times_that_must_not_be_compared_are_exit_2_with_the_key(reports, capsys):
    store(replace(elsewhere(same(), "sse2"), run="elsewhere"), reports)
    assert report(reports, first().run, "elsewhere") == 2
    assert "NOT COMPARABLE: cpu_flags\n" in capsys.readouterr().err
    assert (reports / "elsewhere" / f"compare-{first().run}.md").is_file(), "what may be said is said"


def test_runs_with_nothing_in_common(reports):
    store(replace(same(), parity=(), cells=(), run="empty"), reports)
    with pytest.raises(UsageError, match="no row of parity and no measured cell in common"):
        report(reports, first().run, "empty")
    with pytest.raises(UsageError, match="are one run"):
        report(reports, "latest", first().run)


def test_how_many_runs(reports):
    with pytest.raises(UsageError, match="3 runs are given"):
        report(reports, "a", "b", "c")
    with pytest.raises(UsageError, match="2 runs are given"):
        report(reports, "a", "b", "--explain", "x", "y")


def test_another_run_than_the_latest_is_explained(reports):
    with pytest.raises(UsageError, match="unknown cell 'nonsense'"):
        report(reports, moved().run, "--explain", "nonsense", "resnet18/raw-dynamic/ort-python/latency")
    only_in_the_latest = "resnet18/raw-dynamic/ort-rust/throughput"
    with pytest.raises(UsageError, match=f"unknown cell '{only_in_the_latest}'"):
        report(reports, moved().run, "--explain", only_in_the_latest, "resnet18/raw-dynamic/ort-python/latency")


@pytest.mark.parametrize("runs", [("gone",), ("gone", "latest"), ("latest", "gone")])
def test_a_run_that_there_is_not(reports, runs):
    with pytest.raises(UsageError, match="no such run: 'gone' is no folder, and no run in") as caught:
        report(reports, *runs)
    assert first().run in caught.value.what
    assert caught.value.next == f"ls {reports}"


def test_a_name_that_is_nearly_one(reports):
    with pytest.raises(UsageError, match=f"did you mean '{first().run}'"):
        report(reports, first().run[:-1])


def test_a_run_that_was_stopped(reports):
    (reports / "begun").mkdir()
    with pytest.raises(UsageError, match="that run found nothing"):
        open_run("begun", reports)
    store(replace(same(), times=(), peak_bytes={}, run="killed"), reports)
    for runs in (("killed",), (first().run, "killed"), ("killed", first().run)):
        with pytest.raises(UsageError, match="that run was not finished"):
            report(reports, *runs)
    assert [path.name for path in (reports / "killed").iterdir()] == ["results.json"]


@pytest.mark.parametrize(("written", "said"), [(FORMAT + 1, "by a newer version"), (FORMAT - 1, "by an older version"), (10**6, "newer")])
def test_another_format(reports, written, said):
    path = store(replace(same(), run="other"), reports) / "results.json"
    # A newer version knows more: the format is looked at before the keys.
    path.write_text(strict.pretty({**strict.plain(same()), "format": written, "unheard-of": 1}))
    for runs in (("other",), (first().run, "other"), ("other", first().run)):
        with pytest.raises(DataError, match=said) as caught:
            report(reports, *runs)
        assert str(path) == caught.value.where
        assert f"this one reads {FORMAT}" in caught.value.what


DAMAGED = {
    "NaN": lambda text: text.replace('"equivalent": 0.01', '"equivalent": NaN'),
    "truncated": lambda text: text[: len(text) // 2],
    "no JSON": lambda _: "",
    "a list": lambda _: "[]\n",
    "not UTF-8": lambda _: b"\x81",
    "a key too many": lambda text: text.replace('"equivalent"', '"equivalents": 0, "equivalent"'),
    "another type": lambda text: text.replace('"equivalent": 0.01', '"equivalent": "1 %"'),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_run_says_what_to_do(reports, damage):
    path = reports / moved().run / "results.json"
    damaged = DAMAGED[damage](path.read_text())
    assert damaged != path.read_text()
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(DataError) as caught:
        report(reports, moved().run)
    assert caught.value.where.startswith(str(path))
    assert caught.value.next == f"measure again (nox -s bench), or take another run: ls {reports}"


def test_on_the_command_line_a_damaged_run_and_a_newer_one_are_exit_4(reports):
    newer = store(replace(same(), run="newer"), reports) / "results.json"
    newer.write_text(strict.pretty({**strict.plain(same()), "format": FORMAT + 1}))
    path = reports / moved().run / "results.json"
    path.write_text(path.read_text().replace('"equivalent": 0.01', '"equivalent": NaN'))
    again = f"measure again (nox -s bench), or take another run: ls {reports}"
    elsewhere = "read it with the version that wrote it, or measure again (nox -s bench)"
    age = f"written in format {FORMAT + 1} by a newer version of Concord, and this one reads {FORMAT}"
    for arguments, said in (
        (("report", moved().run), f"error: {path}: not valid JSON: NaN is not a number\n  next: {again}\n"),
        (("verify", "newer"), f"error: {newer}: {age}\n  next: {elsewhere}\n"),
        (("report", first().run, "newer"), f"error: {newer}: {age}\n  next: {elsewhere}\n"),
    ):
        done = bench(*arguments, "--reports", str(reports))
        assert (done.returncode, done.stdout, done.stderr) == (4, "", said)


def test_the_command_line(reports):
    done = bench("report", first().run, "gone", "--reports", str(reports))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no such run: 'gone' is no folder")
    done = bench("report", "--reports", str(reports), first().run, moved().run)
    assert (done.returncode, done.stdout) == (0, f"{reports / moved().run}/compare-{first().run}.md\n")
