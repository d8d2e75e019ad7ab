"""The exported program in the torch-eager runner: the same answers, and every value by its name in the ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

from contract import protocol
from contract.errors import UsageError
from contract.manifest import CHECKPOINT, TRAIN
from tests.train.served import write_model
from train.capture import capture
from train.model.build import bare, from_manifest
from train.serve import loading, predicting

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A train.json of a network with BatchNorm, whose statistics are not those that it starts with."""
    folder = tmp_path_factory.mktemp("program")
    torch.manual_seed(0)
    model = bare("resnet18", 3, pretrained=False).train()
    with torch.no_grad():
        model(torch.randn(4, 3, 36, 36))
    write_model(folder / "abcd1234", folder, "resnet18", model.state_dict())
    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((3, 3, 36, 36)).astype(np.float32))
    return folder / "abcd1234" / TRAIN


def load(path: Path, **options: protocol.Option) -> tuple[loading.Session, protocol.Loaded]:
    return loading.load(protocol.LoadArgs(str(path), "cpu", options), "m1")


def predict(session: loading.Session, path: Path, *outputs: str, batch: int = 1) -> dict[str, np.ndarray]:
    out, tensor = path.parent.parent / "out.npz", path.parent.parent / "x.npy"
    predicting.predict(session, protocol.PredictArgs("m1", None, str(tensor), batch, outputs, str(out)))
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(("form", "batch"), [("program-static", 1), ("program-dynamic", 3)])
def test_a_program_says_what_the_model_says(path: Path, form: str, batch: int) -> None:
    eager, _ = load(path)
    session, loaded = load(path, form=form, threads=1)
    assert {"form": form, "threads": 1}.items() <= loaded.options.items()
    expected, got = predict(eager, path, "logits", "bn1", batch=batch), predict(session, path, "logits", "getitem", batch=batch)
    assert np.allclose(expected["logits"], got["logits"], atol=1e-5)
    assert np.allclose(expected["bn1"], got["getitem"], atol=1e-5)
    assert predict(session, path).keys() == {"logits"}
    (first,) = [value for value in loaded.outputs if value.name == "getitem"]
    assert first == protocol.ValueInfo("getitem", (1 if batch == 1 else None, 64, 18, 18), "float32")
    assert loaded.outputs[-1].name == "logits"


def test_values_have_the_names_that_the_onnx_file_has(path: Path) -> None:
    session, loaded = load(path, form="program-dynamic")
    made: onnx.ModelProto = capture(from_manifest(path)[1], torch.zeros(1, 3, 36, 36), "dynamic", 20).model_proto
    names = {value.name for value in loaded.outputs}
    written = [name for node in made.graph.node for name in node.output]
    assert len(written) > 40
    assert set(written) <= names
    assert session.dtype == torch.float32


def test_the_referee_is_a_program_too(path: Path) -> None:
    single, _ = load(path, form="program-static")
    double, loaded = load(path, form="program-static", dtype="float64")
    assert {value.dtype for value in loaded.outputs} == {"float64"}
    one, other = (predict(session, path, "relu_3", "logits") for session in (single, double))
    assert other["relu_3"].dtype == np.float64
    for name in one:
        gap = np.abs(one[name] - other[name]).max()
        assert 0 < gap < 1e-4


def test_training_mode_is_another_program(path: Path) -> None:
    before = load_file(path.parent / CHECKPOINT)
    plain, _ = load(path, form="program-static")
    session, loaded = load(path, form="program-static", training=True)
    assert {"form": "program-static", "training": True}.items() <= loaded.options.items()
    assert np.abs(predict(plain, path)["logits"] - predict(session, path)["logits"]).max() > 1e-3
    # Asked twice, it says the same: its running statistics move, and are not used.
    assert np.array_equal(predict(session, path)["logits"], predict(session, path)["logits"])
    assert all(torch.equal(before[name], tensor) for name, tensor in load_file(path.parent / CHECKPOINT).items())


def test_what_makes_no_sense_is_refused(path: Path, tmp_path: Path) -> None:
    for options, said in (
        ({"form": "program"}, "unknown form 'program'"),
        ({"training": True}, "eval mode always"),
        ({"form": 1}, "not str"),
    ):
        with pytest.raises(UsageError, match=said):
            load(path, **options)
    session, _ = load(path, form="program-static")
    with pytest.raises(UsageError, match=r"no value 'relu_33'; did you mean 'relu_3'"):
        predict(session, path, "relu_33")
