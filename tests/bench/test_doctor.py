"""The examination of a machine, with fake runners: rows, marks and the exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from bench import doctor
from bench.checkup import building, cores, cure, data, gpu, packages
from bench.checkup.row import Row
from bench.runner import RunnerError, RunnerLate
from bench.runtimes import Descriptor
from contract import options as shared
from contract.errors import ENVIRONMENT, GOOD, EnvironmentFault
from tests.bench import fakes
from tests.bench.test_progress import parts, terminal


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Of a machine whose parts, but for the runners, are all good; each part has tests of its own (tests/bench/checkup)."""
    fakes.use(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("ORT_DYLIB_PATH", raising=False)
    good = [Row("part", True, "there")]
    for part in (cores, packages, building, data, gpu):
        monkeypatch.setattr(part, "rows", lambda *_, **__: good)
    made, _ = shared.parse(shared.parser("doctor", ""), [f"--{name}={tmp_path / name}" for name in ("artifacts", "reports")])
    return made


def rows_of(printed: str) -> dict[str, str]:
    """First cell -> the rest of each printed row."""
    cells = [[cell.strip() for cell in line.strip("│┃| ").split("│")] for line in printed.splitlines() if "│" in line]
    return {row[0]: " | ".join(row[1:]) for row in cells if row[0]}


def test_a_machine_that_has_everything_is_good(options, capsys):
    assert doctor.examine(options) == GOOD
    rows = rows_of(capsys.readouterr().out)
    assert rows["part"].startswith("ok | there")
    assert rows["ort-rust"].startswith(f"ok | 1.0 {fakes.COMMIT}")
    assert rows["the same ONNX Runtime"].startswith("ok | yes, by version and commit; Rust loads ")
    assert not any(row.startswith(("error", "warning")) for row in rows.values())


def test_a_bar_goes_on_a_terminal_and_elsewhere_nothing_is_shown(options, capsys, monkeypatch):
    doctor.examine(options)
    assert capsys.readouterr().err == ""
    screen, said = terminal(monkeypatch), parts(monkeypatch)
    doctor.findings(options)
    assert {"packages", "starting torch-eager", "starting ort-python", "starting ort-rust", "CUDA"} < set(said)
    assert said[-1] in screen.getvalue()


@pytest.mark.parametrize(("good", "mark", "code"), [(False, "error", ENVIRONMENT), (None, "warning", GOOD)])
def test_an_error_is_exit_3_and_a_warning_is_not(options, capsys, monkeypatch, good, mark, code):
    monkeypatch.setattr(building, "rows", lambda **_: [Row("nasm", good, "not found", "apt-get install nasm")])
    assert doctor.examine(options) == code
    assert rows_of(capsys.readouterr().out)["nasm"] == f"{mark} | not found | apt-get install nasm"


def test_each_part_is_told_what_the_run_takes(options, monkeypatch):
    asked = {}
    for name, part in (("Rust", building), ("CUDA", gpu)):
        monkeypatch.setattr(part, "rows", lambda *_, wanted, name=name: asked.update({name: wanted}) or [])
    doctor.findings(options)
    assert asked == {"Rust": True, "CUDA": False}
    parsed, _ = shared.parse(shared.parser("doctor", ""), ["--without", "ort-rust", "--device", "cuda"])
    found = doctor.findings(parsed)
    assert asked == {"Rust": False, "CUDA": True}
    assert "the same ONNX Runtime" not in [row.what for row in found]


def test_a_runner_that_does_not_start_is_an_error_with_its_own_next_step(options, monkeypatch, capsys):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "stale"))
    assert doctor.examine(options) == ENVIRONMENT
    rows = rows_of(capsys.readouterr().out)
    assert rows["ort-rust"].startswith("error | ")
    assert rows["the same ONNX Runtime"].startswith("warning | not both runners start")


def test_a_runner_that_dies_is_told_with_its_last_words_and_is_not_sent_here_again():
    dying = Descriptor("ort-python", lambda _: [sys.executable, "-c", "raise SystemExit('no numpy')"], lambda: "")
    row = doctor.runner(dying, {})
    assert (row.good, row.found, row.cure) == (False, "died (exit code 1): no numpy", cure.sync("--reinstall"))


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("ort-rust", RunnerError("is stale", next="nox -s build"), cure.BUILD),
        ("ort-rust", RunnerError("died", next="nox -s doctor"), cure.BUILD),
        ("ort-rust", EnvironmentFault("no library", next="nox -s doctor"), cure.sync("--reinstall")),
        ("ort-python", RunnerError("broke the protocol"), cure.sync("--reinstall")),
        ("openvino", EnvironmentFault("not installed", next="uv pip install openvino"), "uv pip install openvino"),
        ("torch-eager", RunnerLate("no answer within 180 s"), doctor.AGAIN),
    ],
)
def test_the_next_step_of_an_error_is_never_to_come_here(name, error, said):
    assert doctor.next_step(name, error) == said


def test_another_build_of_the_library_is_no_same_one(options, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit="0123456789"))
    receipts: dict = {}
    for name in fakes.RUNTIMES:
        assert doctor.runner(doctor.runtimes.find(name), receipts).good
    (row,) = doctor.one_library(fakes.RUNTIMES, receipts)
    assert (row.good, row.cure) == (False, cure.sync(*packages.RUNTIME_ANEW))


def test_a_library_that_the_user_named_is_asked_for_its_version(monkeypatch):
    monkeypatch.delenv("ORT_DYLIB_PATH", raising=False)
    assert doctor.named_library() == []
    monkeypatch.setenv("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")
    asked = []

    def runner(descriptor, receipts):
        asked.append(descriptor.command(())[1:])
        return Row(descriptor.name, good, "1.31.1 6af1a932e", "")

    monkeypatch.setattr(doctor, "runner", runner)
    good = True
    (row,) = doctor.named_library()
    assert (row.good, row.found.partition(";")[0]) == (True, "1.31.1 6af1a932e")
    assert asked == [["--ort-lib", "/nowhere/libonnxruntime.so", "serve"]]
    good = False
    (row,) = doctor.named_library()
    assert row.good is None
    assert row.cure.startswith("unset ORT_DYLIB_PATH")


def test_the_rows_as_data(options, capsys, monkeypatch):
    found = [
        Row("cargo", False, "not on PATH", "install it"),
        Row("nasm", None, "not found", "apt-get install nasm"),
        Row("torch", True, "2", ""),
    ]
    monkeypatch.setattr(doctor, "findings", lambda _: found)
    assert doctor.examine(replace(options, output_json=True)) == ENVIRONMENT
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == ENVIRONMENT
    assert [row["good"] for row in told["rows"]] == [False, None, True]
    assert told["rows"][1] == {"what": "nasm", "good": None, "found": "not found", "cure": "apt-get install nasm"}


def test_without_rich_the_rows_are_lines_that_no_text_of_theirs_breaks(options, capsys, monkeypatch):
    found = [Row("cargo", False, "not on PATH", "install it"), Row("data set \x1b[2J", None, "empty"), Row("torch", True, "2")]
    monkeypatch.setattr(doctor, "findings", lambda _: found)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert doctor.examine(options) == ENVIRONMENT
    assert capsys.readouterr().out.splitlines() == [
        "error   cargo: not on PATH",
        "        cure: install it",
        "warning data set \\x1b[2J: empty",
        "ok      torch: 2",
    ]
