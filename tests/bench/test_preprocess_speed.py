"""preprocess-speed: runtimes in turns, and ratios within rounds."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from bench import preprocess_speed
from bench.fleet import Fleet
from bench.preprocess_speed import IMAGES, ROUNDS, RUNTIMES, SAMPLES, SIZES, STAGES, Speed, measured, table
from contract.protocol import TimeArgs, Timed


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
    speeds = measured(cast(Fleet, fleet), {name: name for name in RUNTIMES}, Path("x.jpg"))
    assert fleet.asked == [*RUNTIMES] * ROUNDS
    assert speeds["ort-python"].rounds == (1_999_998,) * ROUNDS
    assert speeds["torch-eager"].stages == dict.fromkeys(STAGES, 1_000_000)
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
