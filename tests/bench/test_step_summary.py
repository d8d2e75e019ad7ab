"""The summary of a step on GitHub: what it says, that it fits, that hostile names stay text, and that it never decides an exit code."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import run as runs
from bench.report import step_summary, write
from bench.results import Results
from contract.errors import DataError
from tests.bench import made
from tests.bench.fakes import cell
from tests.bench.test_report import ACTING, plain, unmarked
from tests.bench.whole import ready


@pytest.fixture
def page(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "step.md"
    monkeypatch.setenv(step_summary.VARIABLE, str(path))
    return path


def test_verdict_failures_and_ratios(page):
    page.write_text("what the step said before\n")
    step_summary.add(made.results(), "run")
    text = page.read_text()
    assert text.startswith(
        "what the step said before\n\n## Concord run: FAIL (exit code 1), 20261121-101500-00ff\n\n* Parity: 2 of 4 variants"
    )
    headings = re.findall(r"^###? .*", text, re.MULTILINE)
    assert [each.lstrip("# ").partition(":")[0] for each in headings] == [
        "Concord run",
        "Parity",
        "Failures",
        "Gate",
        "Time as a ratio to ort-python on the same variant; below 1 is faster",
        "Time as a ratio to raw-dynamic within a runtime; below 1 is faster",
    ]
    rows = [line for line in text.partition("### Parity")[2].partition("###")[0].splitlines() if line.startswith("| resnet18")]
    assert [row.split(" | ")[3] for row in rows] == ["FAIL", "nothing judged", "pass", "pass"]
    failures = text.partition("### Failures")[2].partition("###")[0].strip().splitlines()
    assert len(failures) == 3
    assert failures[0].startswith(r"* wings/resnet18 sim-static ort-rust cpu: FAIL; 2 of 300 images get another label; resize is to blame")
    assert failures[0].endswith("; to see it again: `nox -s parity -- --variant sim-static --runtime torch-eager ort-rust`")
    assert failures[1].startswith("* wings/resnet18 raw-static ort-rust cpu: nothing judged; ort-rust: load: died")
    assert failures[2].startswith("* resnet18/eager/torch-eager/cpu/latency-1: ERROR: torch-eager: time: died")
    assert "| 0.975 \\[0.971, 0.979\\] | faster |" in text
    assert "SLOWER" in text


@pytest.mark.parametrize(("code", "outcome"), [(0, "pass"), (1, "FAIL"), (2, "NOT JUDGED"), (3, "NOT JUDGED"), (4, "NOT JUDGED")])
def test_the_outcome_is_the_exit_codes(page, code, outcome):
    step_summary.add(replace(made.results(), exit_code=code), "parity")
    assert page.read_text().startswith(f"\n## Concord parity: {outcome} (exit code {code}), ")


def test_what_the_run_has_not_has_no_section(page):
    passed = replace(made.results(), parity=made.results().parity[:2], cells=(), contrasts=(), gate=None)
    step_summary.add(passed, "parity")
    assert re.findall("### (.*)", page.read_text()) == ["Parity"]


def test_without_the_variable_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv(step_summary.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    step_summary.add(made.results(), "run")
    monkeypatch.setenv(step_summary.VARIABLE, "")
    step_summary.add(made.results(), "run")
    assert list(tmp_path.iterdir()) == []


def huge(count: int) -> Results:
    run = made.results()
    failed = tuple(replace(run.parity[2], variant=f"variant-{n}-\N{GREEK CAPITAL LETTER OMEGA}") for n in range(count))
    passed = tuple(made.row(f"passed-{n}", "ort-rust") for n in range(count))
    contrasts = tuple(replace(run.contrasts[0], cell=cell(f"variant-{n}", "ort-rust")) for n in range(count))
    errors = tuple(replace(run.cells[2], cell=cell(f"error-{n}")) for n in range(count))
    return replace(run, parity=(*passed, *failed), contrasts=contrasts, cells=errors, problems=tuple(f"problem {n}" for n in range(count)))


def test_a_page_that_is_cut_says_how_much_is_missing(page):
    step_summary.add(huge(3000), "run")
    text = page.read_text()
    size = len(text.encode())
    assert step_summary.MOST_BYTES * 0.8 < size <= step_summary.MOST_BYTES < step_summary.GITHUB_BYTES
    parts = re.split(r"^###? ", text, flags=re.MULTILINE)[1:]
    missing = {part.partition("\n")[0].partition(":")[0]: re.findall("\n\n… (\\d+) more rows: see summary.md\n", part) for part in parts}
    shown = dict.fromkeys(missing, 0)
    for part in parts:
        name = part.partition("\n")[0].partition(":")[0]
        shown[name] = sum(line.startswith(("* ", "| resnet18")) for line in part.splitlines())
    total = {name: shown[name] + int(count) for name, (count,) in ((name, found) for name, found in missing.items() if found)}
    assert total == {
        "Concord run": len(step_summary.summary.headline(huge(3000)).split("\n")), "Parity": 6000, "Failures": 6000,
        "Time as a ratio to ort-python on the same variant; below 1 is faster": 3000,
    }  # fmt: skip
    assert min(shown.values()) > 0
    # What failed stands before what passed.
    verdicts = [line.split(" | ")[3] for line in text.splitlines() if line.startswith("| resnet18") and line.count(" | ") == 6]
    assert set(verdicts[: shown["Parity"]]) == {"FAIL"}


def test_what_fits_is_whole(page):
    step_summary.add(huge(20), "run")
    assert "more rows" not in page.read_text()
    assert page.read_text().count("| variant-") == 20 + 20  # of parity, and the ratios


def test_one_line_that_is_too_long_hides_no_other(page):
    run = made.results()
    long = replace(run.parity[2], problems=("x" * 1_000_000,))
    step_summary.add(replace(run, parity=(long, *run.parity)), "run")
    text = page.read_text()
    assert len(text.encode()) < step_summary.MOST_BYTES
    assert "… 1 more rows: see summary.md" in text
    assert "2 of 300 images get another label" in text
    heading = replace(run, gate=replace(run.gate, old="y" * 1_000_000))
    page.unlink()
    step_summary.add(heading, "run")
    assert len(page.read_bytes()) < step_summary.MOST_BYTES
    assert "… 3 more rows: see summary.md" in page.read_text()


def test_a_page_that_is_nearly_full_gets_what_fits_and_a_full_one_nothing(page, capsys):
    page.write_bytes(b"x" * (step_summary.GITHUB_BYTES - 5000))
    step_summary.add(huge(100), "run")
    assert step_summary.GITHUB_BYTES - 1000 < page.stat().st_size <= step_summary.GITHUB_BYTES
    assert capsys.readouterr().err == ""
    before = page.stat().st_size
    step_summary.add(huge(100), "run")
    assert page.stat().st_size == before
    assert "is as large as GitHub allows" in capsys.readouterr().err


def test_hostile_names_stay_text(page):
    step_summary.add(made.hostile(), "run")
    text = page.read_text()
    assert not ACTING.search(text)
    assert "<script>" not in text
    for name in made.HOSTILE:
        failures = [line for line in text.partition("### Failures")[2].partition("\n###")[0].splitlines() if line.startswith("* resnet18/")]
        assert len(failures) == len(made.HOSTILE)
        assert any(plain(name) in plain(unmarked(line.removeprefix("* "))) for line in failures)
    columns = {
        len(re.split(r"(?<!\\)\|", line))
        for line in text.partition("### Parity")[2].partition("###")[0].splitlines()
        if line.startswith("|")
    }
    assert columns == {9}


def folder(tmp_path: Path, results: Results) -> Path:
    made_in = tmp_path / results.run
    made_in.mkdir(exist_ok=True)
    write.store(results, made_in)
    write.render_text(results, made_in)
    return made_in


@pytest.mark.parametrize("code", [0, 1, 2])
def test_run_and_parity_write_it_and_keep_their_exit_code(tmp_path, page, monkeypatch, code, capsys):
    found = replace(made.results(), exit_code=code)
    monkeypatch.setattr(runs, "run", lambda *_, **__: (found, folder(tmp_path, found)))
    options = ready(tmp_path)
    raw = command.argparse.Namespace(input_shape=None, resume=None)
    assert [command.run(options, raw), command.parity(options, raw)] == [code, code]
    assert re.findall(r"## Concord (\w+): .*exit code (\d)", page.read_text()) == [("run", str(code)), ("parity", str(code))]
    # A page that cannot be written is said, and the judgement stays what it is.
    page.unlink()
    page.mkdir()
    capsys.readouterr()
    assert command.parity(options, raw) == code
    told = capsys.readouterr().err
    assert told.startswith(f"error: {page}: no summary of this step: Is a directory; the exit code is that of the judgement\n  next: ")
    assert "Traceback" not in told


def test_a_run_that_cannot_begin_says_why(tmp_path, page, monkeypatch):
    def fail(*_: object, measuring: bool, resume: str | None) -> None:
        raise DataError("resnet18 <b> has not been trained", where="artifacts", next="nox -s train")

    monkeypatch.setattr(runs, "run", fail)
    with pytest.raises(DataError):
        command.parity(ready(tmp_path), command.argparse.Namespace(resume=None))
    assert page.read_text() == (
        "\n## Concord parity: NOT JUDGED (exit code 4)\n\n* artifacts: resnet18 &lt;b&gt; has not been trained   next: nox -s train\n\n"
    )
