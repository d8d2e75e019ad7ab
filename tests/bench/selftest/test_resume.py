"""A self-test that was stopped goes on with the next pair, and ends with what an uninterrupted one says."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.selftest import command, pair
from contract import artifact
from contract.errors import DataError, Stopped, UsageError
from tests.bench import fakes
from tests.bench.selftest.test_pair import arguments
from tests.bench.selftest.test_replay import compared
from tests.bench.whole import ready, trained


class Comparing:
    """Made-up comparisons, each by its seed; `stop`: at which of them somebody presses Ctrl-C."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.stop: int | None = None

    def __call__(self, _model: Path, _cell: Any, _given: Any, share: float, _settings: Any, _fleet: Any, seed: int, _work: Path) -> Any:
        if len(self.seeds) == self.stop:
            raise KeyboardInterrupt
        self.seeds.append(seed)
        return compared(share, share, seed=seed)


@pytest.fixture
def comparing(tmp_path, monkeypatch) -> Comparing:
    made = Comparing()
    fakes.use(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "compare", made)
    monkeypatch.setattr(command, "replay", partial(command.replay, replays=20))
    trained(tmp_path, ready(tmp_path))
    return made


@pytest.fixture
def call(tmp_path, monkeypatch) -> Callable[..., int]:
    def called(*more: str) -> int:
        monkeypatch.setattr("sys.argv", ["bench", "selftest", "--trials", "2", *arguments(tmp_path), *more])
        return bench.main()

    return called


def stopped(call: Callable[..., int], comparing: Comparing, at: int, *more: str) -> str:
    comparing.stop = at
    with pytest.raises(Stopped) as caught:
        call(*more)
    comparing.stop = None
    return str(caught.value)


def folders(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "reports").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def test_it_ends_as_if_nobody_had_stopped_it(tmp_path, comparing, call):
    call()
    (whole,) = folders(tmp_path)
    expected, comparing.seeds = list(comparing.seeds), []
    said = stopped(call, comparing, 3)
    (folder,) = set(folders(tmp_path)) - {whole}
    assert said.endswith(f"--resume {folder.name}")
    assert said.startswith("to go on: python -m bench selftest --trials 2 ")
    assert len(json.loads((folder / "selftest.json").read_text())["compared"]) == 3
    stopped(call, comparing, 5, "--resume")
    assert call("--resume", folder.name) == 0
    assert comparing.seeds == expected == list(range(8))
    for name in ("selftest.json", "selftest.md"):
        assert (folder / name).read_text() == (whole / name).read_text()
    assert set(folders(tmp_path)) == {whole, folder}


def test_stopped_before_the_first_pair(tmp_path, comparing, call):
    stopped(call, comparing, 0)
    assert call("--resume") == 0
    assert comparing.seeds == list(range(8))
    assert len(folders(tmp_path)) == 1


def test_a_finished_one_shows_its_table(tmp_path, comparing, call, capsys):
    call()
    (folder,) = folders(tmp_path)
    expected = (folder / "selftest.md").read_text()
    (folder / "selftest.md").unlink()  # killed between the two files
    capsys.readouterr()
    assert call("--resume", folder.name) == 0
    said = capsys.readouterr()
    assert said.out == f"{expected}\n{folder / 'selftest.md'}\n"
    assert f"{folder.name} is finished" in said.err
    assert len(comparing.seeds) == 8
    with pytest.raises(UsageError, match="nothing to go on with"):
        call("--resume")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--seed", "1"], "has not been trained"),
        (["--trials", "3"], r"pairs\[0\]\.count was 2, and is 3 now"),
        (["--threads", "2"], "threads was 1, and is 2 now"),
    ],
)
def test_other_options_are_refused(comparing, call, more, said):
    stopped(call, comparing, 3)
    with pytest.raises((UsageError, DataError), match=said):
        call("--resume", *more)
    assert len(comparing.seeds) == 3


def test_another_seed_file_or_program_is_refused(tmp_path, comparing, call):
    stopped(call, comparing, 3)
    (folder,) = folders(tmp_path)
    text = (folder / "selftest.json").read_text()
    for key, value in (("seed", 1), ("code", "5a"), ("version", "0.9"), ("raw-static", "5c"), ("source", "5b"), ("cpu", "another")):
        lines = [line for line in text.splitlines() if line.strip().startswith(f'"{key}": ')]
        assert len(lines) == 1, key
        other = lines[0].partition(":")[0] + f": {json.dumps(value)}" + ("," if lines[0].endswith(",") else "")
        artifact.write_text(folder / "selftest.json", text.replace(lines[0], other))
        with pytest.raises(UsageError, match=rf"{key} was {value}, and is ") as caught:
            call("--resume")
        assert str(folder) in caught.value.where
        assert "leave --resume out" in caught.value.next
    assert len(comparing.seeds) == 3


def test_a_torn_file_is_refused(tmp_path, comparing, call):
    stopped(call, comparing, 3)
    (folder,) = folders(tmp_path)
    path = folder / "selftest.json"
    path.write_text(path.read_text()[:-100])
    with pytest.raises(DataError, match="not valid JSON"):
        call("--resume")


def test_a_runner_that_fails_is_no_end(tmp_path, comparing, call, monkeypatch):
    monkeypatch.setattr(command, "compare", pair.compare)
    monkeypatch.setattr(command, "TRIALS", ((0.0, 2.0, 60),))
    monkeypatch.setattr(pair, "slowed", lambda _: fakes.descriptor(pair.BASE, "crash", verb="time", commit=fakes.COMMIT))
    with pytest.raises(pair.RunnerError, match="died") as caught:
        call()
    assert "then python -m bench selftest --trials 2 " in caught.value.next
    assert caught.value.next.endswith(f"--resume {folders(tmp_path)[0].name}")
