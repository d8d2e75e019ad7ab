"""preprocess-speed: runtimes in turns, and ratios within rounds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import cast

import pytest

from bench import __main__ as bench
from bench import preprocess_speed
from bench.fleet import Fleet
from bench.preprocess_speed import IMAGES, ROUNDS, RUNTIMES, SAMPLES, SIZES, STAGES, Speed, measured, table
from bench.progress import Progress
from contract.errors import UsageError
from contract.protocol import TimeArgs, Timed
from tests.bench import fakes
from tests.bench.selftest.test_pair import arguments
from tests.bench.whole import ready, trained


class FakeFleet:
    """Each sample takes 3 ms in torch-eager, 2 ms in ort-python, 1 ms in ort-rust, the same for each stage."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def only(self, name: str) -> FakeFleet:
        self.asked.append(name)
        return self

    def time(self, asked: TimeArgs, seconds: float) -> Timed:
        assert (asked.scenario, asked.split, asked.id, seconds > 0) == ("e2e", True, self.asked[-1], True)
        each = {"torch-eager": 3, "ort-python": 2, "ort-rust": 1}[self.asked[-1]] * 1_000_000 // len(STAGES)
        return Timed((9,) * asked.samples, (0,) * asked.samples, dict.fromkeys((*STAGES, "logits", "label"), (each,) * asked.samples))


def test_runtimes_take_turns_and_only_preprocessing_counts():
    fleet = FakeFleet()
    speeds = measured(cast(Fleet, fleet), {name: name for name in RUNTIMES}, Path("x.jpg"), Progress(1, quiet=True))
    assert fleet.asked == [*RUNTIMES] * ROUNDS
    assert speeds["ort-python"].rounds_ns == (2_000_000,) * ROUNDS
    assert speeds["torch-eager"].stages_ns == dict.fromkeys(STAGES, 750_000)
    assert SAMPLES > 1


def test_ratios_are_taken_within_rounds():
    stages = dict.fromkeys(STAGES, 1e6)
    speeds = {"torch-eager": Speed((4e6, 90e6), stages), "ort-python": Speed((3e6, 30e6), stages), "ort-rust": Speed((1e6, 20e6), stages)}
    shown = table("1x1", speeds)
    assert "4.25 (4.00 to 4.50)" in shown
    assert "2.25 (1.50 to 3.00)" in shown
    assert len(shown.splitlines()) == 4


def test_the_images_are_there():
    assert all((IMAGES / f"{size}.jpg").is_file() for size in SIZES)
    assert preprocess_speed.RUNTIMES["ort-rust"] == preprocess_speed.RUNTIMES["ort-python"]


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The command, with these options, over fake runners and a subject that was trained."""
    fakes.use(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def ask(*more: str) -> int:
        monkeypatch.setattr("sys.argv", ["bench", "preprocess-speed", *arguments(tmp_path), *more])
        return bench.main()

    trained(tmp_path, ready(tmp_path))
    return ask


def test_the_numbers_as_data_and_nothing_else_on_stdout(asked, capfd):
    assert asked("--json") == 0
    said = capfd.readouterr()
    told = json.loads(said.out)
    assert (told["subject"], told["samples"], list(told["sizes"])) == ("wings/resnet18", SAMPLES, list(SIZES))
    assert all(len(speed["rounds_ns"]) == ROUNDS and set(speed["stages_ns"]) == set(STAGES) for speed in told["sizes"][SIZES[0]].values())
    assert "times as long as ort-rust" in said.err
    assert [line for line in said.err.splitlines() if "all runtimes in turns (about" in line][-1].endswith("(about 16 s left)")
    assert asked() == 0
    assert capfd.readouterr().out.count("times as long as ort-rust") == len(SIZES)


def test_one_of_several_backbones_is_not_taken_in_silence(asked, capfd):
    with pytest.raises(UsageError, match="images are prepared as one backbone wants it, and 2 are chosen") as caught:
        asked("--backbone", "resnet18", "regnet_x_400mf")
    assert caught.value.next == "add --backbone NAME"
    assert capfd.readouterr().out == ""
