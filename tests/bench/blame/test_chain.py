"""The whole chain with real runners on a real network: ResNet18, exported by the real exporter, on small images."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from bench.blame import found as names
from bench.blame.chain import Case, blame_model
from bench.blame.found import ModelBlame
from bench.blame.graph import read
from bench.fleet import Fleet
from bench.subject import Subject
from contract import manifest, strict
from contract.manifest import CHECKPOINT, ExportManifest, TrainManifest
from contract.preprocess import CenterCrop, Shorter
from export import build as exporting
from export.plan import Job, inputs_hash
from export.workshop import Workshop
from tests.bench.blame.made import scaled, without
from tests.export import trained
from tests.export.conftest import VARIANTS
from train.model.build import bare, from_manifest

pytestmark = pytest.mark.slow
PIXELS = 64


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("blame")
    torch.manual_seed(0)
    small = replace(trained.SPEC, resize=Shorter("shorter", PIXELS), crop=CenterCrop("center", PIXELS, PIXELS))
    model = trained.calibrated(bare("resnet18", len(trained.CLASSES), pretrained=False))
    made = replace(trained.write(folder / "0123abcd", "resnet18", model, folder / "images"), preprocess=small)
    manifest.write(made, folder / "0123abcd" / manifest.TRAIN)
    return Subject(folder / "0123abcd", made, export(folder / "0123abcd", made))


def export(folder: Path, made: TrainManifest, *, training: bool = False) -> ExportManifest:
    """Export the dynamic variants, or what becomes of them when nobody says .eval()."""
    job = Job(folder, made, inputs_hash(made), tuple(variant for variant in VARIANTS if variant.batch == "dynamic"), ())

    def load(_: Job) -> torch.nn.Module:
        return from_manifest(folder / manifest.TRAIN)[1].train(training)

    with Workshop() as workshop, pytest.warns(UserWarning, match="training mode") if training else nullcontext():
        return exporting.build(job, load, workshop, 2, "source")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(("torch-eager", "ort-python"), 2, tmp_path_factory.mktemp("logs")) as started:
        started.start()
        yield started


@pytest.fixture
def blame(fleet: Fleet, tmp_path: Path):
    tensors = tmp_path / "tensors.npy"
    np.save(tensors, np.random.default_rng(2).normal(size=(3, 3, PIXELS, PIXELS)).astype(np.float32))

    def ask(subject: Subject, variant: str = "sim-dynamic") -> ModelBlame:
        made = blame_model(fleet, Case(subject, variant, "ort-python", "cpu", tensors), tmp_path, tmp_path / "reproduction")
        assert strict.decode(ModelBlame, strict.loads(strict.dumps(made), "blame"), "blame") == made
        return made

    return ask


def changed(subject: Subject, folder: Path, variant: str, change) -> Subject:
    """The same subject with one of its files changed."""
    folder.mkdir()
    for name in (manifest.TRAIN, CHECKPOINT, "raw-dynamic.onnx", "sim-dynamic.onnx"):
        (folder / name).symlink_to(subject.folder / name)
    model = change(onnx.load(subject.model(variant)))
    (folder / f"{variant}.onnx").unlink()
    onnx.save(model, folder / f"{variant}.onnx")
    return replace(subject, folder=folder)


def test_a_clean_chain_is_not_blamed(clean, blame):
    made = blame(clean)
    assert (made.edge, made.node, made.weights, made.reproduction) == (None, None, (), None)
    assert [link.edge for link in made.links] == [names.EAGER_PROGRAM, names.PROGRAM_RAW, names.RAW_SIMPLIFIED]
    assert [link.bits for link in made.links] == [False, False, True]
    assert "no edge of the chain differs" in made.said


@pytest.mark.parametrize(
    ("variant", "edge"), [("raw-dynamic", names.PROGRAM_RAW), ("sim-dynamic", names.RAW_SIMPLIFIED)], ids=["exporter", "simplifier"]
)
@pytest.mark.parametrize("weight", ["conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.conv2.weight", "fc.weight"])
def test_a_planted_weight_fault_is_located_to_its_node(clean, blame, tmp_path, variant, edge, weight):
    subject = changed(clean, tmp_path / "faulty", variant, lambda model: scaled(model, weight, 1.001))
    made = blame(subject, variant)
    (guilty,) = [node for node in onnx.load(subject.model(variant)).graph.node if weight in node.input]
    assert (made.edge, made.node, made.op, made.origin) == (edge, guilty.name, guilty.op_type, "made")
    assert made.nodes == len(read(onnx.load(subject.model(variant))).steps)
    assert made.sessions <= math.ceil(math.log2(made.nodes)) + 1
    assert [each.name for each in made.weights] == [weight]
    assert made.reproduction is not None
    script = subprocess.run([sys.executable, f"{made.reproduction}/reproduce.py"], capture_output=True, text=True, check=False)
    assert (script.returncode, script.stderr) == (1, "")


def test_a_node_dropped_by_the_simplifier(clean, blame, tmp_path):
    made = blame(changed(clean, tmp_path / "faulty", "sim-dynamic", lambda model: without(model, "relu_3")))
    assert (made.edge, made.origin) == (names.RAW_SIMPLIFIED, "made")
    assert "and read 'relu_3'" in made.said


def test_a_model_captured_in_training_mode_is_blamed_on_the_capture(clean, blame, tmp_path):
    folder = tmp_path / "0123abcd"
    folder.mkdir()
    for name in (manifest.TRAIN, CHECKPOINT):
        (folder / name).symlink_to(clean.folder / name)
    subject = Subject(folder, clean.train, export(folder, clean.train, training=True))
    made = blame(subject)
    assert made.edge == names.EAGER_PROGRAM
    assert "training mode" in made.said
    assert made.matched
