"""Every command of README.md and docs/ is run, on the tiny chain - or stands in DEAR, with what runs it instead.

A page's placeholders are real files in the folder where its commands are run: a new one fails here until there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torchvision
from onnx import helper
from safetensors.torch import load_file

from bench.runtimes import openvino, ort_rust
from contract import manifest
from contract.layout import CHECKOUT
from contract.manifest import TrainManifest
from tests.docs import reading
from tests.docs.calls import Call, calls, understood
from tests.docs.test_commands import COMMANDS, PAGES, extended
from tests.end_to_end.conftest import MATRIX, Chain

pytestmark = pytest.mark.slow
CHAIN = "train, export and bench run as the fixture of this folder, and on other data and weights below"
GATE, GIVEN = "test_gate.py runs it", "test_given.py runs it, and one of its kind is run below"
PARITY = "the fixture's bench run does it first"
DEAR = {
    "nox -s train export bench": CHAIN,
    "nox -s train export bench -- --quick": CHAIN,
    "nox -s train export -- --quick": CHAIN,
    "nox -s train export -- --backbone resnet18": CHAIN,
    "nox -s train export bench -- --dataset butterfly --root '~/butterfly' --backbone resnet18": CHAIN,
    "nox -s train export bench -- --dataset rps --root '~/rps' --epochs 3": CHAIN,
    "nox -s train export bench -- --dataset flowers --root DIR --backbone resnet18": CHAIN,
    "nox -s train export bench -- --backbone mobilenet_v2 --weights 'file:~/mobilenet_v2.npz' --recipe head": CHAIN,
    "nox -s train export bench -- --backbone efficientnet_b0": CHAIN,
    "nox -s train export bench -- --backbone resnet18 --recipe careful": CHAIN,
    "nox -s train export bench -- --backbone resnet18 --dataset rps --root DIR --checkpoint model.safetensors": CHAIN,
    "nox -s train -- --backbone efficientnet_b0 --recipe head --offline": "mobilenet_v2 is trained below in the same way",
    "nox -s train -- --backbone resnet18 --recipe head --epochs 5": "flowers is learned below by the same recipe",
    "nox -s parity": PARITY,
    "python -m bench parity": PARITY,
    "nox -s parity -- --backbone resnet18 --images 100": PARITY,
    "nox -s parity -- --backbone resnet18 --stages": "test_given.py makes the ledger, where something differs",
    "nox -s parity -- --backbone resnet18 --claim 'disagreement < 1 % at 95 %'": "the same without nox is run below",
    "python -m bench parity --onnx model.onnx --reference torchvision:resnet18 --weights file:model.pth --preset DEFAULT --images DIR": GIVEN,  # noqa: E501
    "python -m bench parity --onnx new_export.onnx --reference old_export.onnx --spec preprocess.json --images DIR": GIVEN,
    "nox -s bench -- --onnx my_model.onnx": "the same with --input-shape is run below",
    "nox -s bench -- --gate RUN": GATE,
    "nox -s bench -- --gate 20261121-101500-00ff --backbone resnet18 --scenario latency --runtime ort-python ort-rust": GATE,
    "python -m bench run --gate RUN --backbone resnet18 --scenario latency --runtime ort-python ort-rust": GATE,
    "nox -s report -- --explain CELL CELL": "test_explain.py runs it",
    "nox -s report -- RUN RUN2": "tests/bench/across runs it on two stored runs",
    "infer-rs predict model.onnx photo.jpg": "tests/infer_rs/test_wheel.py: beside the wheel of ONNX Runtime",
    "nox -s wheel": "tests/infer_rs/test_wheel.py makes one, and installs it",
    "nox -s look": "tests/train/test_look.py runs it",
    "nox -s bench -- -k 'resnet18 and not (load or sim-static)'": "minutes: tests/bench/test_cells_run.py",
    "python -m bench run --runtime torch-eager ort-python openvino --backbone resnet18 --seconds 240": "minutes: its parity is run below",
    "nox -s bench -- --scenario curve --backbone resnet18": "minutes: tests/bench/test_curve.py",
    "nox -s bench -- --scenario cold": "minutes: tests/bench/test_cold_runs.py",
    "nox -s selftest -- --quick": "minutes: tests/bench/selftest",
    "nox -s faults -- --quick": "minutes: test_faults.py runs some",
    "python -m bench split --backbone resnet18": "minutes: tests/bench/split",
    "nox -s bench -- --gate RUN --threshold 5%": GATE,
    "nox -s faults": "half an hour: test_faults.py runs some",
    "nox -s faults -- --write": "half an hour: tests/bench/faults",
    "nox -s selftest": "95 minutes: tests/bench/selftest",
    "nox -s selftest -- --write": "95 minutes: tests/bench/selftest",
    "python -m bench split --write": "minutes: tests/bench/split",
    "python -m bench overhead --write": "rewrites METHODOLOGY.md: tests/bench/overhead, and overhead itself stands among the commands",
    "python -m bench blame": "tests/bench/blame/test_chain.py walks the chain",
    "python -m bench fuzz": "a minute: tests/infer_rs/test_decode.py makes a short run",
    "python -m bench overhead": "minutes: tests/bench/overhead and tests/infer_py/test_overhead.py",
    "python -m bench.rules": "it writes into this file: tests/bench/test_comparable.py holds it to what is written",
    "python -m bench verify RUN": "without a name it is run below; tests/bench/across/test_command.py names runs",
    "nox -s tests": "this",
}
if not openvino.locked():
    DEAR["python -m bench parity --runtime torch-eager ort-python openvino --backbone resnet18 --images 40"] = "not in the lock here"
# Another exit code than 0, and what is said then: 16 images cannot show 1 %; a machine may lack what doctor looks for.
ENDS = {
    "python -m bench parity --backbone resnet18 --claim 'disagreement < 1 % at 95 %'": ((2,), "it needs 299 images"),
    "nox -s doctor": ((0, 3), "onnxruntime"),
}
# What the pages take from matrix.toml, and the chain's own small matrix has not.
MORE = """
[[dataset]]
name = "rps"
format = "folder"
root = "data/rps"

[[backbone]]
name = "mobilenet_v2"
task = "classify"
weights = ["random"]
preset = "IMAGENET1K_V1"
recipe = { cpu = "head" }

[[recipe]]
name = "finetune"
train = "head"
head_epochs = 5
"""
RUST_HOMES = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}


def short(command: reading.Command) -> str:
    """A command as DEAR and ENDS name it."""
    return str(command).removeprefix("uvx ").replace(".venv/bin/python", "python")


EVERY = {short(command): command for command in COMMANDS if command.words[0] != "pip"}


@pytest.fixture(scope="module")
def folder(chain: Chain, tmp_path_factory) -> Path:
    """Where a reader stands: the files that the pages speak of, the chain's artifacts, and its last run."""
    there = tmp_path_factory.mktemp("reader")
    made = next(chain.folder.glob("artifacts/wings/resnet18/*/raw-dynamic.onnx"))
    for name in ("model.onnx", "my_model.onnx"):
        shutil.copy(made, there / name)
    for source, name in ((made, "new_export.onnx"), (made.with_name("sim-static.onnx"), "old_export.onnx")):
        bare = onnx.load(source)
        helper.set_model_props(bare, {})
        onnx.save(bare, there / name)
    (there / "preprocess.json").write_text(reading.blocks(PAGES["docs/own-onnx-file.md"], "json")[0])
    torch.save(load_file(made.with_name(manifest.CHECKPOINT)), there / "model.pth")
    random = torchvision.models.mobilenet_v2(weights=None).state_dict()
    np.savez(there / "backbone.npz", **{name: tensor.numpy() for name, tensor in random.items()})
    trained = manifest.read(TrainManifest, made.with_name(manifest.TRAIN), "")
    (there / "DIR" / "images").mkdir(parents=True)
    rows = ["filename,species"]
    for entry in (entry for part in trained.split.values() for entry in part):
        shutil.copy(trained.images / entry.path, there / "DIR" / "images")
        rows.append(f"{Path(entry.path).name},{trained.classes[entry.label]}")
    (there / "DIR" / "labels.csv").write_text("\n".join(rows) + "\n")
    shutil.copy(next((there / "DIR" / "images").iterdir()), there / "photo.jpg")
    shutil.copytree(chain.folder / "artifacts", there / "artifacts", copy_function=os.link)
    (there / "data").symlink_to(chain.folder / "data")
    return there


def run(call: Call, page: str, folder: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.CompletedProcess[str]:
    command = [str(ort_rust.BINARY) if call[0] == "infer-rs" else sys.executable, *call[1:]]
    command = [str(ort_rust.library()) if word == "LIBONNXRUNTIME" else word for word in command]
    if call[0] == "python" and understood(call, monkeypatch) is not None:
        small = own / "small.toml"
        small.write_text(MATRIX.read_text() + MORE)
        places = {"matrix": extended(small, PAGES[page], own), "reports": own / "reports"}
        places |= {name: folder / name for name in ("artifacts", "data")}
        command += [f"--{name}={place}" for name, place in places.items()] + ["--offline"]
    # PYTHONPATH: the checkout's packages, from a reader's folder. Rust's tools are found through the home that really is.
    home = {name: os.environ.get(name, str(Path.home() / place)) for name, place in RUST_HOMES.items()}
    env = {**os.environ, **home, "HOME": str(folder), "CONCORD_USER_FOLDER": str(folder), "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in DEAR])
def test_a_command_of_the_pages_does_what_it_says(name, chain, folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "latest").symlink_to((chain.folder / "reports" / "latest").resolve())
    for call in calls(EVERY[name], tmp_path, monkeypatch):
        done = run(call, EVERY[name].page, folder, tmp_path, monkeypatch)
        codes, said = ENDS.get(name, ((0,), ""))
        assert done.returncode in codes, f"{call}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert said in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout + done.stderr


def test_what_is_not_run_stands_in_a_page():
    assert set(DEAR) <= set(EVERY), "no longer in a page: remove it from DEAR"
    assert set(ENDS) <= set(EVERY) - set(DEAR)
