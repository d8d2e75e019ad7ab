"""What tests of the whole step are run on."""

from __future__ import annotations

from pathlib import Path

MATRIX = """
[defaults]
dataset = ["squares"]
backbone = ["concord_tiny"]
variant = []
runtime = ["torch-eager"]
scenario = []
device = "cpu"
[[dataset]]
name = "squares"
format = "csv"
images = "train"
labels = "labels.csv"
split = [0.5, 0.25, 0.25]
[[backbone]]
name = "concord_tiny"
task = "classify"
weights = ["random"]
preset = "V1"
recipe = { cpu = "two" }
[[recipe]]
name = "two"
train = "all"
head_epochs = 3
epochs = 2
batch = 5
"""
RUNTIME = '[[runtime]]\nname = "torch-eager"\n'


def made(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "artifacts" / "squares" / "concord_tiny").glob("*/train.json"))
