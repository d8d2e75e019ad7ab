"""Explaining over fake runners: what is asked of them, what is written, and what is refused before any of them is started."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.explain import command, look, standing
from bench.explain.found import Explanation
from bench.fleet import Fleet
from bench.report import write
from bench.results import Results
from bench.runner import Runner, RunnerError
from contract import options as shared
from contract import protocol, strict
from contract.errors import DataError, UnsupportedError, UsageError
from contract.layout import CHECKOUT
from contract.options import Options
from tests.bench import fakes
from tests.bench.explain import made
from tests.bench.explain.made import EAGER, PYTHON, RUST
from tests.bench.fakes import cell

TORCH_NAME, PYTHON_NAME = "resnet18/eager/torch-eager/latency", "resnet18/raw-dynamic/ort-python/latency"
RUST_NAME = "resnet18/raw-dynamic/ort-rust/latency"


@pytest.fixture
def stored(tmp_path, monkeypatch) -> tuple[Options, Results]:
    """A run that was measured, its artifacts, and fake runners."""
    fakes.use(monkeypatch)
    monkeypatch.setattr(look, "PROCESSES", 1)  # each costs a second
    monkeypatch.setattr(command, "build", lambda **_: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    subject = fakes.subject(tmp_path)
    others = [cell(*form, scenario, 12 if scenario == "throughput" else 1) for form in FORMS for scenario in ("throughput", "e2e", "load")]
    run = made.results(subjects=(subject.summary(),))
    more = tuple(made.measured(each, kind=each.scenario) for each in others)
    results = replace(run, cells=(*run.cells, *more))
    folder = tmp_path / "reports" / results.run
    folder.mkdir(parents=True)
    write.store(results, folder)
    write.publish(folder)
    where = [f"--{name}={tmp_path / name}" for name in ("artifacts", "data", "reports")]
    options, _ = shared.parse(shared.parser("bench", ""), ["--threads=1", *where])
    return options, results


FORMS = (("eager", "torch-eager"), ("raw-dynamic", "ort-python"))


def test_what_is_written(stored, capsys):
    options, results = stored
    assert command.run(options, "torch-eager/latency", PYTHON_NAME) == 0
    folder = options.reports / results.run
    (path,) = folder.glob("explain-*.md")
    assert path.name == "explain-resnet18-eager-torch-eager-latency-resnet18-raw-dynamic-ort-python-latency.md"
    out, err = capsys.readouterr()
    assert out == f"{path}\n"
    text, data = path.with_suffix(".json").read_text(), path.read_text()
    found = strict.decode(Explanation, strict.loads(text, "x"), "x")
    assert found.standing in err.replace("\n", "")
    assert "# Concord: why resnet18/eager/torch-eager/latency and resnet18/raw-dynamic/ort-python/latency differ" in data
    assert (found.a.name, found.b.name) == (TORCH_NAME, PYTHON_NAME)
    assert (found.processes, found.looks, found.images) == (1, 2, 8)
    # The fake says 1000 ns of MatMul in 2000 ns of a recorded forward, whatever it is asked.
    assert [(kind.op, kind.family, kind.calls, kind.ns) for kind in found.a.kinds] == [("MatMul", "matrix product", 1, 1000)]
    assert found.a.recorded_ns == 2000
    assert [part.name for part in found.parts] == ["matrix product", "outside of operators"]
    assert sum(part.a_ns for part in found.parts) == pytest.approx(found.a.wall_ns)
    assert not list(Path(tempfile.gettempdir()).glob("concord-explain-*"))


def test_json_is_the_explanation_and_nothing_else(stored, capsys):
    options, _ = stored
    command.run(replace(options, output_json=True), TORCH_NAME, PYTHON_NAME)
    found = strict.decode(Explanation, strict.loads(capsys.readouterr().out, "stdout"), "stdout")
    assert found.b.name == PYTHON_NAME


def asked_of(monkeypatch) -> list[tuple[str, object]]:
    """Every request of these verbs: (runtime, arguments)."""
    said: list[tuple[str, object]] = []
    for verb in ("load", "time", "profile"):
        before = getattr(Runner, verb)

        def ask(runner, arguments, seconds=300.0, before=before):
            said.append((runner.name, arguments))
            return before(runner, arguments, seconds)

        monkeypatch.setattr(Runner, verb, ask)
    return said


def test_each_process_looks_at_both_in_turn_as_the_run_measured_them(stored, monkeypatch):
    options, results = stored
    monkeypatch.setattr(look, "PROCESSES", 2)
    said = asked_of(monkeypatch)
    pids: list[int] = []
    accept = Fleet._accept
    monkeypatch.setattr(Fleet, "_accept", lambda fleet, name, receipt: (pids.append(receipt.pid), accept(fleet, name, receipt))[1])
    command.explain(results, standing.measured(results, TORCH_NAME, RUST_NAME), options.artifacts, options.reports / "logs")
    order = [name for name, arguments in said if isinstance(arguments, protocol.TimeArgs)]
    assert order == ["torch-eager", "ort-rust", "ort-rust", "torch-eager"] * 2
    assert len(set(pids)) == 1 + 2 * 2  # the tensor, then two processes of each
    assert not any(fakes.alive(pid) for pid in pids)
    loads = [arguments for _, arguments in said if isinstance(arguments, protocol.LoadArgs)]
    assert {each.options["threads"] for each in loads} == {2}, "the run's, not this command's"
    profiles = [arguments for _, arguments in said if isinstance(arguments, protocol.ProfileArgs)]
    assert {(each.batch, each.repeats) for each in profiles} == {(1, 10), (1, 17)}  # 0.3 s of 30 ms, and of 18 ms


def test_a_batch_larger_than_the_images_takes_them_again(stored, monkeypatch):
    options, results = stored
    seen = []
    monkeypatch.setattr(command, "look_at", lambda pair, *_: seen.append(np.load(pair[0].tensor)) or look_like(pair))
    command.explain(
        results, standing.measured(results, "torch-eager/throughput", "ort-python/throughput"), options.artifacts, options.reports
    )
    (tensor,) = seen
    assert tensor.shape == (12, 3, 4, 4)
    assert np.array_equal(tensor[8:], tensor[:4])


def look_like(_pair):
    return [made.processes(made.torch, 20), made.processes(made.onnx, 16)]


def test_e2e_is_explained_by_its_stages_too(stored):
    options, results = stored
    pair = standing.measured(results, "torch-eager/e2e", "ort-python/e2e")
    found = command.explain(results, pair, options.artifacts, options.reports / "logs")
    # The fake says the whole sample of every stage.
    assert [(part.kind, part.name) for part in found.parts] == [
        ("stage", "read"), ("stage", "decode"), ("stage", "resize"), ("stage", "normalise"), ("stage", "label"),
        ("family", "matrix product"), ("outside", "between the stages"), ("outside", "outside of operators"),
    ]  # fmt: skip
    assert sum(part.b_ns for part in found.parts) == pytest.approx(found.b.wall_ns)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (TORCH_NAME, "resnet18/eager/torch-eager/latncy", "unknown cell 'resnet18/eager/torch-eager/latncy'; did you mean"),
        (TORCH_NAME, "wings/resnet18/torch-eager/latency-1", "are the same cell"),
        (TORCH_NAME, "ort-python/throughput", "they differ in scenario and batch"),
        ("torch-eager/load", "ort-python/load", "times how a session is created"),
    ],
)
def test_cells_that_cannot_be_explained(stored, one, other, said):
    with pytest.raises(UsageError, match=said):
        standing.measured(stored[1], one, other)


def test_a_cell_without_a_time(stored):
    run = stored[1]
    broken = replace(run, cells=(replace(run.cells[0], error="died", middle_ns=None), *run.cells[1:]))
    with pytest.raises(UsageError, match="torch-eager/latency has no time: died"):
        standing.measured(broken, TORCH_NAME, PYTHON_NAME)


def test_another_provider_is_another_question(stored):
    run = stored[1]
    cuda = replace(run.cells[1], cell=replace(PYTHON, provider="cuda"))
    with pytest.raises(UsageError, match="they differ in provider"):
        standing.measured(replace(run, cells=(*run.cells, cuda)), "latency/cuda", "ort-rust/latency")


def test_files_that_were_exported_anew_are_not_those_of_the_run(stored):
    options, results = stored
    changed = tuple(replace(each, sha256="00" * 32) for each in results.subjects[0].variants)
    results = replace(results, subjects=(replace(results.subjects[0], variants=changed),))
    with pytest.raises(DataError, match="exported anew since the run"):
        command.subject_of(results, PYTHON, options.artifacts)
    with pytest.raises(DataError):
        command.subject_of(replace(results, subjects=(replace(results.subjects[0], config="gone"),)), PYTHON, options.artifacts)


def test_a_file_of_somebody_else_is_not_kept(stored):
    options, results = stored
    with pytest.raises(UsageError, match=r"theirs.onnx was given with --onnx"):
        command.subject_of(results, cell("theirs.onnx", backbone="theirs"), options.artifacts)


def test_other_options_than_the_runs_are_refused(stored):
    options, results = stored
    measured = tuple(replace(each, options={"threads": 2, "arena": False}) for each in results.cells)
    results = replace(results, cells=measured)
    with pytest.raises(UsageError, match="the run measured with arena = False, and its runner has True now"):
        command.explain(results, standing.measured(results, TORCH_NAME, PYTHON_NAME), options.artifacts, options.reports / "logs")


@pytest.mark.parametrize(
    ("runner", "error", "code"),
    [
        (fakes.descriptor("ort-python", commit=fakes.COMMIT, lacks="profile"), UnsupportedError, 2),
        (replace(fakes.descriptor("ort-python"), source=lambda: "another"), RunnerError, 3),
    ],
)
def test_a_runner_that_cannot(stored, monkeypatch, runner, error, code):
    options, results = stored
    fakes.use(monkeypatch, ort_python=runner)
    with pytest.raises(error) as caught:
        command.explain(results, standing.measured(results, TORCH_NAME, PYTHON_NAME), options.artifacts, options.reports / "logs")
    assert caught.value.exit_code == code


def test_the_direction_of_a_stored_contrast(stored):
    run = stored[1]
    a, b, rust = run.cells[:3]
    assert standing.standing(run, a, b).verdict == "slower"
    assert standing.standing(run, b, a).verdict == "faster"
    assert standing.standing(run, a, rust).verdict == "inconclusive"
    threads = replace(rust, options={"threads": 4})
    assert standing.standing(run, a, threads).why_not == "threads"


def test_how_long_a_look_takes_is_bounded():
    def forwards(middle: float) -> int:
        return look.Asked(made.measured(PYTHON, middle_ns=middle), Path(), (), Path()).forwards

    assert [forwards(middle) for middle in (100.0, 3e6, 2e7, 4e9)] == [200, 100, 15, 3]


def test_the_command_line_refuses_before_anything_starts(stored):
    options, _ = stored
    done = subprocess.run(
        [sys.executable, "-m", "bench", "report", "--reports", str(options.reports), "--explain", "ort-rst/latency", RUST.variant],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --explain: unknown cell 'ort-rst/latency'; ")
    assert EAGER.variant in done.stderr
