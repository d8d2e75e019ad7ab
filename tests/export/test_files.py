"""The four files: what they say of themselves, that they answer as PyTorch does, and that their bytes are the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from contract import manifest
from contract.artifact import sha256_file
from contract.card import Card
from contract.layout import CHECKOUT
from contract.manifest import EXPORT, ExportManifest
from export import clean
from export.images import held_out
from export.plan import OPSET
from tests.export import trained
from tests.export.conftest import VARIANTS, Exported, export, tiny

NAMES = [variant.name for variant in VARIANTS]


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_the_manifest_lists_four_files_that_verify(exported: Exported):
    read = manifest.read_verified(ExportManifest, exported.folder / EXPORT, "")
    assert read == exported.manifest
    assert sorted(read.files) == sorted(f"{name}.onnx" for name in NAMES)
    assert read.failed == ()
    assert read.checkpoint_sha256 == exported.trained.files["checkpoint.safetensors"]
    assert not list(exported.folder.glob(".tmp-*"))


@pytest.mark.parametrize("name", NAMES)
def test_metadata_says_everything_and_survives_onnxsim(exported: Exported, name: str):
    metadata = session(exported.folder / f"{name}.onnx").get_modelmeta().custom_metadata_map
    assert all(key.startswith("concord.") for key in metadata)
    card = Card.from_metadata(metadata, name)
    assert card.labels == trained.CLASSES
    assert card.preprocess == trained.SPEC
    assert card.task == "classify"
    assert card.variant is not None
    assert (card.variant.name, card.variant.simplify, card.variant.batch) == (name, name.startswith("sim"), name.split("-")[1])
    assert card.checkpoint is not None
    assert card.checkpoint.sha256 == exported.manifest.checkpoint_sha256
    assert card.weights is not None
    assert card.weights.had == "random"
    assert card.versions is not None
    assert "+" not in card.versions["torch"]


@pytest.mark.parametrize("name", NAMES)
def test_shape_opset_and_domains(exported: Exported, name: str):
    model = onnx.load(exported.folder / f"{name}.onnx")
    dynamic = name.endswith("dynamic")
    for value, label in ((model.graph.input[0], "images"), (model.graph.output[0], "logits")):
        axis = value.type.tensor_type.shape.dim[0]
        assert value.name == label
        assert (axis.dim_param, axis.dim_value) == (("batch", 0) if dynamic else ("", 1))
    assert [entry.version for entry in model.opset_import] == [OPSET]
    assert {node.domain for node in model.graph.node} == {""}
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_this_machine_is_in_the_bytes(exported: Exported, name: str):
    data = (exported.folder / f"{name}.onnx").read_bytes()
    for path in (CHECKOUT, Path.home(), Path(sys.prefix), exported.folder):
        assert str(path).encode() not in data
    assert b"site-packages" not in data


def test_dynamic_files_take_any_batch_and_answer_as_pytorch(exported: Exported):
    images = held_out(exported.trained)
    many = torch.cat([images, images.flip(0), images])[:7]
    with torch.inference_mode():
        eager = tiny()(many).numpy()
    for name in ("raw-dynamic", "sim-dynamic"):
        opened = session(exported.folder / f"{name}.onnx")
        for size in (1, 2, 5, 7):
            assert np.abs(opened.run(None, {"images": many[:size].numpy()})[0] - eager[:size]).max() < 1e-5


def test_differences_are_recorded_per_batch_size(exported: Exported):
    for entry in exported.manifest.variants:
        assert set(entry.max_difference) == ({"1"} if entry.batch == "static" else {"1", "2", "3"})
        assert all(0 <= value < 1e-5 for value in entry.max_difference.values())
        assert entry.checker.startswith("full, onnx ")
        assert (entry.opset_asked, entry.opset_got) == (OPSET, OPSET)


def test_onnxsim_changed_nothing_and_the_manifest_says_so(exported: Exported):
    by_name = {entry.name: entry for entry in exported.manifest.variants}
    for batch in ("static", "dynamic"):
        raw, sim = by_name[f"raw-{batch}"], by_name[f"sim-{batch}"]
        assert sim.changed_nothing == (raw.structural_hash == sim.structural_hash)
        assert sim.changed_nothing
        assert sim.nodes == sim.nodes_before == raw.nodes
        assert not raw.changed_nothing
    assert by_name["raw-static"].structural_hash != by_name["raw-dynamic"].structural_hash
    assert exported.manifest.notes == ("onnxsim changed nothing: sim-dynamic, sim-static",)


@pytest.mark.slow
def test_bytes_are_the_same_in_another_process_with_another_hash_seed(exported: Exported, tmp_path: Path):
    code = f"from pathlib import Path; from tests.export.conftest import export; export(Path({str(tmp_path)!r}))"
    subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env={**os.environ, "PYTHONHASHSEED": "4242"}, check=True, capture_output=True
    )
    for name in NAMES:
        assert sha256_file(tmp_path / "0123abcd" / f"{name}.onnx") == sha256_file(exported.folder / f"{name}.onnx")


def test_exporting_twice_in_one_process_gives_the_same_bytes(exported: Exported, tmp_path: Path):
    again = export(tmp_path)
    assert again.manifest.files == exported.manifest.files


def test_a_local_path_would_be_found():
    model = onnx.ModelProto()
    model.graph.node.add(op_type="Relu", name=f"{CHECKOUT}/export/translate.py")
    with pytest.raises(Exception, match="contains a path of this machine"):
        clean.assert_plain(model, "m")


def test_foreign_operators_and_outside_weights_would_be_found():
    model = onnx.ModelProto()
    model.graph.node.add(op_type="FusedConv", domain="com.microsoft")
    with pytest.raises(Exception, match=r"uses operators of com\.microsoft"):
        clean.assert_plain(model, "m")
    outside = onnx.ModelProto()
    outside.graph.initializer.add(name="w").external_data.add(key="location", value="w.bin")
    with pytest.raises(Exception, match="weights in other files: w"):
        clean.assert_plain(outside, "m")
