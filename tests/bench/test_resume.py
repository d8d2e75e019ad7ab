"""Going on with what was stopped: which folder is taken, what is refused, and what a user is told."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import resume
from contract.errors import DataError, EnvironmentFault, Stopped, UsageError

FILE = "toy.json"


@dataclass(frozen=True)
class Toy:
    found: int
    planned: int = 3
    format: int = resume.FORMAT

    @property
    def finished(self) -> bool:
        return self.found >= self.planned


def stored(reports: Path, name: str, **data: object) -> Path:
    folder = reports / name
    folder.mkdir(parents=True)
    (folder / FILE).write_text(json.dumps({"format": resume.FORMAT} | data))
    return folder


def test_without_the_option_a_new_folder_begins(tmp_path):
    stored(tmp_path, "20260101-000000-aaaa", found=1)
    folder, found = resume.begun(Toy, FILE, None, tmp_path)
    assert (list(folder.iterdir()), found) == ([], None)


def test_without_a_name_the_newest_unfinished_of_this_version_is_taken(tmp_path):
    wanted = stored(tmp_path, "20260102-000000-aaaa", found=2)
    stored(tmp_path, "20260101-000000-aaaa", found=1)
    stored(tmp_path, "20260103-000000-aaaa", found=3)
    stored(tmp_path, "20260104-000000-aaaa", format=resume.FORMAT + 1, other=0)
    assert resume.begun(Toy, FILE, "", tmp_path) == (wanted, Toy(2))
    (wanted / FILE).unlink()
    (tmp_path / "20260101-000000-aaaa" / FILE).write_text(json.dumps({"format": resume.FORMAT, "found": 3}))
    with pytest.raises(UsageError, match=r"nothing to go on with: no folder has an unfinished toy\.json") as caught:
        resume.begun(Toy, FILE, "", tmp_path)
    assert "leave --resume out" in caught.value.next


def test_a_name_or_a_folder_is_taken_finished_or_not(tmp_path):
    folder = stored(tmp_path, "20260103-000000-aaaa", found=3)
    for name in (folder.name, str(folder)):
        assert resume.begun(Toy, FILE, name, tmp_path) == (folder, Toy(3))
    with pytest.raises(UsageError, match=r"no such run: '20260103-000000-aaab' .*did you mean '20260103-000000-aaaa'"):
        resume.begun(Toy, FILE, "20260103-000000-aaab", tmp_path)
    (tmp_path / "run").mkdir()
    with pytest.raises(UsageError, match=r"it has no toy\.json"):
        resume.begun(Toy, FILE, "run", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": 1, "fou', "not valid JSON"),
        ('{"format": 1, "found": "many"}', "expected an integer"),
        ("[]", "expected a table"),
        ('{"found": 1}', "another version of Concord: its format is None"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_next_step(tmp_path, text, said):
    folder = stored(tmp_path, "20260103-000000-aaaa", found=1)
    (folder / FILE).write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        resume.begun(Toy, FILE, folder.name, tmp_path)
    assert FILE in caught.value.where
    assert "leave --resume out" in caught.value.next


def test_a_torn_one_is_not_passed_over(tmp_path):
    stored(tmp_path, "20260101-000000-aaaa", found=1)
    (stored(tmp_path, "20260102-000000-aaaa") / FILE).write_text('{"format": 1, "fou')
    with pytest.raises(DataError, match="not valid JSON"):
        resume.begun(Toy, FILE, "", tmp_path)


def test_what_differs_is_named_by_its_place(tmp_path):
    was = {"seed": 0, "pairs": [{"count": 60}, {"count": 20}], "same": "x", "runners": {"ort-rust": {"version": "1.0"}}}
    resume.must_equal(was, json.loads(json.dumps(was)), tmp_path)
    now = {**was, "seed": 1, "pairs": [{"count": 60}, {"count": 60}]}
    with pytest.raises(UsageError) as caught:
        resume.must_equal(was, now, tmp_path)
    assert caught.value.what.endswith("seed was 0, and is 1 now; pairs[1].count was 20, and is 60 now")
    with pytest.raises(UsageError, match=r"1 more"):
        resume.must_equal(was, {**now, "runners": {}, "same": "y"}, tmp_path)


@pytest.mark.parametrize(
    "given", ["--resume", "--resume 20260101-000000-aaaa", "--resume=20260101-000000-aaaa", ""], ids=["newest", "name", "equals", "not"]
)
def test_the_command_that_goes_on_has_the_same_options(given, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench", *shlex.split(f"selftest --seed 3 {given} --matrix 'my file'")])
    said = resume.command(tmp_path / "20260101-000000-aaaa")
    assert said == "python -m bench selftest --seed 3 --matrix 'my file' --resume 20260101-000000-aaaa"


def test_whoever_is_stopped_is_told_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench", "selftest"])
    folder = stored(tmp_path, "20260101-000000-aaaa", found=1)
    command = "python -m bench selftest --resume 20260101-000000-aaaa"
    with pytest.raises(Stopped, match=command), resume.told(folder, FILE):
        raise KeyboardInterrupt
    with pytest.raises(EnvironmentFault) as caught, resume.told(folder, FILE):
        raise EnvironmentFault("died", next="nox -s doctor")
    assert caught.value.next == f"nox -s doctor; then {command}"
    with pytest.raises(UsageError) as refused, resume.told(folder, FILE):
        raise UsageError("another seed", next="x")
    assert refused.value.next == "x"


def test_before_anything_was_stored_there_is_nothing_to_go_on_with(tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught, resume.told(tmp_path, FILE):
        raise KeyboardInterrupt
    assert not isinstance(caught.value, Stopped)
