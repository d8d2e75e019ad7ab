"""The order of a trial: clean runs, then each fault from its strongest dose on as long as it is seen; and how long that should take."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from bench import __main__ as bench
from bench.faults import run
from bench.faults.catalogue import Fault
from bench.faults.every import FAULTS
from bench.faults.trial import Outcome
from bench.faults.verdict import Verdict
from bench.subject import Subject
from contract.errors import UsageError
from tests.bench import fakes
from tests.bench.selftest.test_pair import arguments
from tests.bench.whole import ready, trained


@dataclass
class Trials:
    """`blind`: the dose from which on nothing is seen; `alarm`: what is said of a clean run."""

    blind: float = 0.0
    alarm: str | None = None
    runtime: str = ""

    def with_runtime(self, runtime: str) -> Trials:
        return replace(self, runtime=runtime)

    def clean(self) -> tuple[str, ...]:
        return (f"{self.runtime}: {self.alarm}",) if self.alarm else ()

    def of(self, fault: Fault, dose: float, *, full: bool) -> Outcome:
        seen = dose > self.blind
        return Outcome(fault.name, dose, ("tensors",) if seen else (), fault.stage if seen else None, "full" if full else "", None)


@dataclass
class Spent:
    seconds: float = 0.0

    def part(self, _: str) -> None:
        pass

    def done(self, seconds: float) -> None:
        self.seconds += seconds


def blank(subject: Subject, chosen: list[Fault], clean: int = 2) -> Verdict:
    return Verdict(run.planned(subject, fakes.matrix(), chosen, clean, 9), fakes.ground(), 0, (), ())


def judged(folder: Path, monkeypatch: pytest.MonkeyPatch, trials: Trials, chosen: list[Fault]) -> Verdict:
    monkeypatch.setattr(run.Trials, "begin", lambda *_: trials)
    spent: Any = Spent()
    subject = fakes.subject(folder)
    begun = blank(subject, chosen)
    verdict = run.judge(subject, cast(Any, None), fakes.matrix(), begun, folder, spent)
    assert spent.seconds == pytest.approx(run.seconds(begun))  # whatever was left out
    assert verdict.finished
    assert run.seconds(verdict) == 0
    return verdict


def test_weaker_doses_until_one_is_not_seen(tmp_path, monkeypatch):
    chosen = [FAULTS["mean_off"], FAULTS["rotated"]]
    verdict = judged(tmp_path, monkeypatch, Trials(blind=1e-5), chosen)
    assert [(each.fault, each.dose, bool(each.caught), each.said) for each in verdict.outcomes] == [
        ("mean_off", 0.1, True, "full"), ("mean_off", 1e-3, True, ""), ("mean_off", 1e-5, False, ""), ("rotated", 1.0, True, "full"),
    ]  # fmt: skip
    assert verdict.good


def test_what_was_tried_is_stored_after_each_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(run.Trials, "begin", lambda *_: Trials(blind=1e-5))
    kept: list[Verdict] = []
    subject, spent = fakes.subject(tmp_path), cast(Any, Spent())
    begun = blank(subject, [FAULTS["rotated"], FAULTS["mean_off"]])
    verdict = run.judge(subject, cast(Any, None), fakes.matrix(), begun, tmp_path, spent, kept.append)
    assert [(each.clean_runs, len(each.outcomes)) for each in kept] == [(1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)]
    assert kept[-1] == verdict
    run.store(tmp_path, kept[2])
    assert "1 of 1 faults caught" in (tmp_path / "faults.md").read_text(encoding="utf-8")


def test_false_alarms_of_every_runtime_are_told(tmp_path, monkeypatch):
    verdict = judged(tmp_path, monkeypatch, Trials(alarm="bits"), [FAULTS["rotated"]])
    assert verdict.false_alarms == tuple(f"clean run {number}: {name}: bits" for number in (1, 2) for name in ("ort-python", "ort-rust"))
    assert not verdict.good


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Run the command over made-up trials; returns the exit code and what it said."""
    fakes.use(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(run, "build", lambda **_: None)
    trained(tmp_path, ready(tmp_path))

    def call(trials: Trials, *more: str) -> tuple[int, Any]:
        monkeypatch.setattr(run.Trials, "begin", lambda *_: trials)
        monkeypatch.setattr("sys.argv", ["bench", "faults", "--fault", "rotated", "--clean", "1", *arguments(tmp_path), *more])
        return bench.main(), capfd.readouterr()

    return call


def test_the_command_prints_the_table_and_its_path(command, tmp_path):
    code, said = command(Trials())
    (path,) = tmp_path.glob("reports/*/faults.md")
    assert (code, said.out) == (0, f"{path.read_text()}\n{path}\n")


@pytest.mark.parametrize(("trials", "code"), [(Trials(), 0), (Trials(alarm="bits"), 1)])
def test_all_outcomes_as_data(command, trials, code):
    got, said = command(trials, "--json")
    told = json.loads(said.out)
    assert got == code
    assert [(each["fault"], each["caught"]) for each in told["outcomes"]] == [("rotated", ["tensors"])]
    assert bool(told["false_alarms"]) == bool(code)
    assert "1 of 1 faults caught" in said.err


@pytest.mark.parametrize("lacking", ["variant", "runtime"])
def test_what_has_nothing_to_judge_is_no_plan(tmp_path, lacking):
    subject, matrix = fakes.subject(tmp_path), fakes.matrix()
    if lacking == "variant":
        subject = replace(subject, export=replace(subject.export, variants=subject.export.variants[:1]))
    else:
        matrix = replace(matrix, defaults=replace(matrix.defaults, runtime=("torch-eager",)))
    with pytest.raises(UsageError, match="faults are put into raw-dynamic"):
        run.planned(subject, matrix, [], 1, 9)
