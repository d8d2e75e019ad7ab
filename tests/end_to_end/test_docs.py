"""Every command of README.md and docs/ is run, on the tiny chain - or stands in DEAR, with the test that runs its kind instead.

A page's placeholders are real files in the folder where its commands are run: a new one fails here until there is one.
"""

from __future__ import annotations

import ast
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
HERE = "tests/end_to_end/"
CHAIN = f"{HERE}test_chain.py::test_every_cell_has_a_number_or_a_reason"
GATE = f"{HERE}test_gate.py::test_equal_files_side_by_side"
TORCHVISION, FILE = (f"{HERE}test_given.py::test_against_{other}" for other in ("torchvision", "another_file"))
FAULTS = f"{HERE}test_faults.py::test_some_faults_of_every_group"
OPENVINO = "tests/docs/test_openvino.py::test_its_answers_are_those_of_onnx_runtime_but_for_rounding"
SELFTEST = "tests/bench/selftest/test_pair.py::test_the_command_writes_what_it_found_after_each_pair"
SPLIT = "tests/bench/split/test_command.py::test_each_backbone_is_measured_by_itself"
BELOW = f"{HERE}test_docs.py::test_a_command_of_the_pages_does_what_it_says"  # of another backbone or data set, or with more options
CHECKPOINT = "tests/train/test_step_again.py::test_a_checkpoint_of_ones_own_is_taken_as_it_is"
# What takes too long, or writes into a document, and the test that runs its kind in small.
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
    "nox -s train export bench -- --backbone resnet18 --dataset rps --root DIR --checkpoint model.safetensors": CHECKPOINT,
    "nox -s train -- --backbone efficientnet_b0 --recipe head --offline": BELOW,
    "nox -s train -- --backbone resnet18 --recipe head --epochs 5": BELOW,
    "nox -s parity": BELOW,
    "python -m bench parity": BELOW,
    "nox -s parity -- --backbone resnet18 --images 100": BELOW,
    "nox -s report -- --explain CELL CELL": f"{HERE}test_explain.py::test_the_files_of_an_explanation",
    "python -m bench parity --onnx model.onnx --reference torchvision:resnet18 --weights file:model.pth --preset DEFAULT --images DIR": TORCHVISION,  # noqa: E501
    "python -m bench parity --onnx new_export.onnx --reference old_export.onnx --spec preprocess.json --images DIR": FILE,
    "nox -s bench -- --resume": "tests/bench/test_taken_over.py::test_it_judges_what_is_left_and_times_everything",
    "nox -s bench -- --gate RUN": GATE,
    "nox -s bench -- --gate RUN --threshold 5%": GATE,
    "nox -s bench -- --gate 20261121-101500-00ff --backbone resnet18 --scenario latency --runtime ort-python ort-rust": GATE,
    "python -m bench run --gate RUN --backbone resnet18 --scenario latency --runtime ort-python ort-rust": GATE,
    "nox -s wheel": "tests/infer_rs/test_wheel.py::test_it_answers_as_the_built_binary_with_a_named_library_and_with_one_beside_it",
    "nox -s bench -- -k 'resnet18 and not (load or sim-static)'": "tests/bench/test_cells_run.py::test_a_run_takes_the_cells_that_match",
    "python -m bench run --runtime torch-eager ort-python openvino --backbone resnet18 --seconds 240": OPENVINO,
    "nox -s bench -- --scenario curve --backbone resnet18": "tests/bench/test_curve.py::test_a_whole_run",
    "nox -s bench -- --scenario cold": "tests/bench/test_cold_runs.py::test_a_whole_run",
    "nox -s selftest -- --quick": "tests/bench/selftest/test_pair.py::test_quick_is_three_pairs_of_each",
    "nox -s selftest": SELFTEST,
    "nox -s selftest -- --write": SELFTEST,
    "nox -s faults -- --quick": FAULTS,
    "nox -s faults": FAULTS,
    "nox -s faults -- --write": "tests/bench/faults/test_table.py::test_it_is_written_between_its_marks",
    "python -m bench split --backbone resnet18": SPLIT,
    "python -m bench split --write": "tests/bench/split/test_command.py::test_it_is_written_into_the_document",
    "python -m bench overhead": "tests/bench/overhead/test_command.py::test_the_real_programs_count_for_a_moment",
    "python -m bench overhead --write": "tests/bench/overhead/test_command.py::test_the_tables_can_be_published",
    "python -m bench fuzz": "tests/infer_rs/test_decode.py::test_a_short_run_of_the_fuzzer",
    "python -m bench.rules": "tests/bench/test_comparable.py::test_the_documents_have_every_key",
    "nox -s tests": f"{HERE}test_docs.py::test_what_is_not_run_stands_in_a_page",
}
if not openvino.locked():
    DEAR["python -m bench parity --runtime torch-eager ort-python openvino --backbone resnet18 --images 40"] = "not in the lock here"
# Another exit code than 0, and what is said then: 16 images cannot show 1 %; a machine may lack what doctor looks for.
ENDS = {
    "python -m bench parity --backbone resnet18 --claim 'disagreement < 1 % at 95 %'": ((2,), "it needs 299 images"),
    "nox -s parity -- --backbone resnet18 --claim 'disagreement < 1 % at 95 %'": ((2,), "it needs 299 images"),
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
    # Without an option infer-rs takes the library of the wheel beside it (test_wheel.py), and nothing lies beside the built binary.
    env |= {"ORT_DYLIB_PATH": str(ort_rust.library())} if call[0] == "infer-rs" and "--ort-lib" not in call else {}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in DEAR])
def test_a_command_of_the_pages_does_what_it_says(name, chain, folder, tmp_path, monkeypatch, capsys):
    last = (chain.folder / "reports" / "latest").resolve()
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "latest").symlink_to(last)
    for run_of in {"RUN", "RUN2"} & set(EVERY[name].words):
        shutil.copytree(last, tmp_path / "reports" / run_of, copy_function=os.link)
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


@pytest.mark.parametrize("instead", sorted(set(DEAR.values())))
def test_what_runs_instead_is_a_test(instead):
    place, _, name = instead.partition("::")
    functions = [each.name for each in ast.parse((CHECKOUT / place).read_text()).body if isinstance(each, ast.FunctionDef)]
    assert name.startswith("test_")
    assert name in functions, f"{place} has no such test: name the one that runs the command's kind"
