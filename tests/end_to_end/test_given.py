"""`bench parity --onnx`: files that Concord did not export, against torchvision and against each other, through the real runners."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper, numpy_helper

from contract import manifest
from contract.manifest import TrainManifest
from tests.end_to_end.conftest import Chain

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def theirs(chain: Chain, tmp_path_factory) -> tuple[Path, Path, Path]:
    """A model without our metadata and with another output's name, its weights, and a folder of images without labels."""
    made = next(chain.folder.glob("artifacts/wings/resnet18/*/raw-dynamic.onnx"))
    model = onnx.load(made)
    helper.set_model_props(model, {})
    model.graph.output[0].name = "answer"
    model.graph.node[-1].output[0] = "answer"
    folder = tmp_path_factory.mktemp("theirs")
    onnx.save(model, folder / "theirs.onnx")
    trained = manifest.read(TrainManifest, made.with_name(manifest.TRAIN), "")
    for entry in trained.split["test"][::2]:
        copy = folder / "images" / Path(entry.path).name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((trained.images / entry.path).read_bytes())
    return folder / "theirs.onnx", made.with_name(manifest.CHECKPOINT), folder / "images"


def parity(chain: Chain, model: Path, images: Path, *more: str):
    return chain.step("bench", "parity", "--onnx", str(model), "--images", str(images), *more, check=False)


def test_against_torchvision(chain, theirs):
    model, weights, images = theirs
    asked = ["--reference", "torchvision:resnet18", "--weights", f"file:{weights}", "--preset", "DEFAULT"]
    done = parity(chain, model, images, *asked)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = chain.results().parity
    assert [(row.runtime, row.variant, row.flips, row.passed) for row in rows] == [
        ("ort-python", "theirs", 0, True),
        ("ort-rust", "theirs", 0, True),
    ]
    assert {row.tensors_equal for row in rows} == {row.images for row in rows}
    assert {row.accuracy for row in rows} == {None}  # nobody said what the images show


def test_another_preprocessing_is_convicted(chain, theirs):
    """The file was exported from the same weights, and says that its images are prepared otherwise."""
    model, _, images = theirs
    own = model.with_name("bicubic.onnx")
    changed = onnx.load(next(chain.folder.glob("artifacts/wings/resnet18/*/raw-dynamic.onnx")))
    for entry in changed.metadata_props:
        entry.value = entry.value.replace('"bilinear"', '"bicubic"')
    onnx.save(changed, own)
    asked = ["--reference", str(next(chain.folder.glob("artifacts/wings/resnet18/*/raw-static.onnx"))), "--without", "ort-rust"]
    done = parity(chain, own, images, *asked)
    assert done.returncode == 1, done.stderr[-3000:]
    (row,) = chain.results().parity
    assert "tensors" in row.checks
    assert row.blame is not None
    assert row.blame.stage == "resize"
    assert row.reproduce.startswith(f"python -m bench parity --onnx {own} ")


def test_against_another_file(chain, theirs):
    model, _, images = theirs
    other = next(chain.folder.glob("artifacts/wings/resnet18/*/sim-static.onnx"))
    done = parity(chain, model, images, "--reference", str(other))
    assert done.returncode == 0, done.stderr[-3000:]
    assert {row.runtime for row in chain.results().parity} == {"ort-python", "ort-rust"}
    assert chain.results().floors[0].referee == "the unoptimised graph"


def test_other_weights_are_convicted(chain, theirs):
    model, weights, images = theirs
    wrong = model.with_name("wrong.onnx")
    changed = onnx.load(model)
    tensor = next(each for each in changed.graph.initializer if each.name == "fc.weight")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.01, tensor.name))
    onnx.save(changed, wrong)
    asked = ["--reference", "torchvision:resnet18", "--weights", f"file:{weights}", "--preset", "DEFAULT", "--without", "ort-rust"]
    done = parity(chain, wrong, images, *asked)
    assert done.returncode == 1, done.stderr[-3000:]
    (row,) = chain.results().parity
    assert row.blame is not None
    assert row.blame.stage == "logits"


def test_what_train_refuses_is_refused_in_its_words(chain, theirs):
    model, _, images = theirs
    done = parity(chain, model, images, "--reference", "torchvision:resnet81", "--weights", "DEFAULT", "--without", "ort-rust")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "did you mean" in done.stderr
    assert "Traceback" not in done.stderr
