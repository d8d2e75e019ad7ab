"""A trial of the gate that was stopped goes on with the next clean run or dose, and ends with what an uninterrupted one says."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bench import __main__ as bench
from bench.faults import run
from bench.faults.catalogue import Fault
from bench.faults.trial import Outcome
from contract.errors import DataError, Stopped, UsageError
from tests.bench import fakes
from tests.bench.faults.test_run import Trials
from tests.bench.selftest.test_pair import arguments
from tests.bench.selftest.test_resume import folders
from tests.bench.whole import ready, trained


@dataclass
class Tried(Trials):
    """`tried`: what was asked so far; `stop`: at which of them somebody presses Ctrl-C; `begun`: seeds of the references."""

    tried: list[str] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    stop: list[int] = field(default_factory=list)

    def clean(self) -> tuple[str, ...]:
        self._try(f"clean {self.runtime}")
        return super().clean()

    def of(self, fault: Fault, dose: float, *, full: bool) -> Outcome:
        self._try(f"{fault.name} {dose:g}")
        return super().of(fault, dose, full=full)

    def _try(self, what: str) -> None:
        if len(self.tried) in self.stop:
            raise KeyboardInterrupt
        self.tried.append(what)


@pytest.fixture
def trials(tmp_path, monkeypatch) -> Tried:
    made = Tried(blind=1e-5, alarm="bits")
    fakes.use(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(run, "build", lambda **_: None)

    def begin(_subject: Any, _fleet: Any, matrix: Any, _variant: str, runtime: str, *_: object) -> Tried:
        made.begun.append(matrix.defaults.seed)
        return replace(made, runtime=runtime)

    monkeypatch.setattr(run.Trials, "begin", begin)
    trained(tmp_path, ready(tmp_path))
    return made


@pytest.fixture
def call(tmp_path, monkeypatch) -> Callable[..., int]:
    def called(*more: str) -> int:
        given = ["--fault", "mean_off", "rotated", "--clean", "2", *arguments(tmp_path), *more]
        monkeypatch.setattr("sys.argv", ["bench", "faults", *given])
        return bench.main()

    return called


def stopped(call: Callable[..., int], trials: Tried, *more: str) -> str:
    with pytest.raises(Stopped) as caught:
        call(*more)
    trials.stop.clear()
    return str(caught.value)


# Clean runs ask two runtimes; then three doses of mean_off, of which the last is not seen, and one of rotated.
@pytest.mark.parametrize(("at", "again"), [(0, [0, 1, 0]), (1, [0, 1, 0]), (2, [1, 0]), (4, [0]), (5, [0]), (7, [0])])
def test_it_ends_as_if_nobody_had_stopped_it(tmp_path, trials, call, at, again):
    code = call()
    (whole,) = folders(tmp_path)
    assert (code, len(trials.tried), trials.begun) == (1, 8, [0, 1, 0])
    expected = list(trials.tried)
    trials.tried.clear()
    trials.stop.append(at)
    said = stopped(call, trials)
    (folder,) = set(folders(tmp_path)) - {whole}
    assert said.startswith("to go on: python -m bench faults --fault mean_off rotated --clean 2 ")
    assert said.endswith(f"--resume {folder.name}")
    trials.begun.clear()
    assert call("--resume") == code
    assert trials.begun == again
    half = int(at == 1)  # of a clean run: it is made anew
    assert trials.tried[half:] == expected
    for name in ("faults.json", "faults.md"):
        assert (folder / name).read_text() == (whole / name).read_text()


def test_a_finished_one_shows_its_table_and_keeps_its_code(tmp_path, trials, call, capsys):
    assert call() == 1
    (folder,) = folders(tmp_path)
    expected = (folder / "faults.md").read_text()
    capsys.readouterr()
    assert call("--resume", str(folder)) == 1
    said = capsys.readouterr()
    assert said.out == f"{expected}\n{folder / 'faults.md'}\n"
    assert f"{folder.name} is finished" in said.err
    assert len(trials.tried) == 8


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--clean", "3"], "clean was 2, and is 3 now"),
        (["--fault", "rotated"], r"faults\.mean_off\[0\] was 0\.1, and is None now"),
        (["--images", "8"], "images was 40, and is 8 now"),
        (["--without", "ort-rust"], r"others\[1\] was ort-rust, and is None now"),
        (["--claim", "disagreement < 50 % at 95 %"], "claim was None, and is disagreement < 50 % at 95 % now"),
    ],
)
def test_another_plan_is_refused(trials, call, more, said):
    trials.stop.append(5)
    stopped(call, trials)
    with pytest.raises(UsageError, match=said):
        call("--resume", *more)
    assert len(trials.tried) == 5


def test_other_files_programs_and_seeds_are_refused(tmp_path, trials, call):
    trials.stop.append(5)
    stopped(call, trials)
    (folder,) = folders(tmp_path)
    path = folder / "faults.json"
    data = json.loads(path.read_text())
    changes: list[tuple[list[str], object]] = [
        (["plan", "seed"], 1),
        (["plan", "test_images"], "5a"),
        (["ground", "files", "eager"], "5c"),
        (["ground", "runners", "torch-eager", "version"], "0.9"),
        (["ground", "usable_threads"], 1000),
    ]
    for keys, value in changes:
        other = json.loads(json.dumps(data))
        inner = other
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        path.write_text(json.dumps(other))
        with pytest.raises(UsageError, match=rf"{'.'.join(keys[1:])} was {value}, and is "):
            call("--resume")
    assert len(trials.tried) == 5


def test_a_torn_file_is_refused(tmp_path, trials, call):
    trials.stop.append(5)
    stopped(call, trials)
    (folder,) = folders(tmp_path)
    (folder / "faults.json").write_text((folder / "faults.json").read_text()[:-20])
    with pytest.raises(DataError, match="not valid JSON") as caught:
        call("--resume")
    assert "faults.json" in caught.value.where


def test_a_fault_that_nobody_planned_is_refused(tmp_path, trials, call):
    trials.stop.append(5)
    stopped(call, trials)
    (folder,) = folders(tmp_path)
    path = folder / "faults.json"
    path.write_text(path.read_text().replace('"fault": "mean_off"', '"fault": "unheard_of"'))
    with pytest.raises(DataError, match="'unheard_of' was tried, and is no fault of the plan"):
        call("--resume")


def test_runtimes_are_known_where_only_faults_are_left(trials, call, monkeypatch):
    """A library of another build is seen beside the receipt of the other runtime, which clean runs alone would have asked."""
    trials.stop.append(5)
    stopped(call, trials)
    known: list[set[str]] = []
    judge = run.judge
    monkeypatch.setattr(run, "judge", lambda subject, fleet, *rest: (known.append(set(fleet.receipts)), judge(subject, fleet, *rest))[1])
    call("--resume")
    assert known == [set(fakes.RUNTIMES)]
