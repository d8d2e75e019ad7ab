"""The words that choose what a step does, as processes: a misspelt or missing one is wrong usage, and what is meant is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from contract.layout import CHECKOUT
from train.__main__ import WORDS

BENCH = "python -m bench --help lists the commands"


def step(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *line.split()], cwd=CHECKOUT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train lok", "python -m train: unknown word 'lok'; did you mean 'look'?\n  next: python -m train --help\n"),
        ("train referenc", "python -m train: unknown word 'referenc'; did you mean 'reference'?\n  next: python -m train --help\n"),
        ("train resnet18", "python -m train: unknown word 'resnet18'; known: look, reference, serve\n  next: python -m train --help\n"),
        ("train --bakbone x", "python -m train: unrecognized arguments: --bakbone x\n  next: did you mean '--backbone'?"),
        ("train look --imges 3", "python -m train look: unrecognized arguments: --imges 3\n  next: did you mean '--images'?"),
        ("train reference --backb x", "python -m train reference: the following arguments are required: --backbone, "),
        ("bench --jsn", f"python -m bench: '--jsn' stands where a command is needed\n  next: python -m bench COMMAND [options]; {BENCH}"),
        ("bench --json list", "python -m bench: '--json' stands where a command is needed\n  next: python -m bench list [options]"),
        ("bench fuzz --coun 3", "python -m bench fuzz: unrecognized arguments: --coun 3\n  next: did you mean '--count'? "),
        ("infer_py predict m.onnx p.jpg --jsn", "python -m infer_py predict: unrecognized arguments: --jsn\n  next: did you mean '--json'"),
        ("infer_py predct", "python -m infer_py: argument predict | info | overhead | serve: invalid choice: 'predct'"),
    ],
)  # fmt: skip
def test_what_is_meant_is_said(line: str, said: str):
    done = step(line)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    # Who asked for JSON is answered in JSON.
    assert bool(done.stdout) == ("--json" in line.split())


def test_the_help_of_train_names_its_words():
    done = step("train --help")
    assert done.stdout.startswith("usage: python -m train ")
    assert all(f"`python -m train {word}`" in done.stdout or f"`{word}`" in done.stdout for word in WORDS)
