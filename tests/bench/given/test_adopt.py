"""Somebody's ONNX file: what can be compared gets what it lacks and keeps what it says; the rest is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.given import adopt, images
from contract.card import Card
from contract.errors import ConcordError, DataError, UsageError
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 8), CenterCrop("center", 8, 8), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
OTHER = PreprocessSpec(Shorter("shorter", 9), CenterCrop("center", 8, 8), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
NAMES = ("A", "B", "C", "D")


def model(
    shape=("batch", 3, 8, 8),
    kind=TensorProto.FLOAT,
    outputs=("answer",),
    inputs=("x",),
    classes=4,
    answer=None,
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((classes, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("Cast", [inputs[0]], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["cast", "axes"], ["mean"], keepdims=0),
        *(helper.make_node("Gemm", ["mean", "w"], [name], transB=1) for name in outputs),
    ]
    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    taken = [helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], classes] if answer is None else answer) for name in outputs]
    graph = helper.make_graph(nodes, "g", taken, given, [weight, axes])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(made, metadata or {})
    return made


def saved(folder: Path, **changes: object) -> Path:
    path = folder / "theirs.onnx"
    onnx.save(model(**changes), path)
    return path


def test_a_copy_says_what_the_file_lacked_and_answers_alike(tmp_path):
    given = adopt.read(saved(tmp_path, metadata={"author": "somebody"}), None)
    assert (given.output, given.batch, given.classes) == ("answer", None, 4)
    folder = tmp_path / "work"
    folder.mkdir()
    path = given.adopted(SPEC, NAMES, folder)
    copy = onnx.load(path)
    onnx.checker.check_model(copy, full_check=True)
    metadata = {entry.key: entry.value for entry in copy.metadata_props}
    assert metadata["author"] == "somebody"
    card = Card.from_metadata(metadata, "copy")
    assert (card.labels, card.preprocess, card.task) == (NAMES, SPEC, "classify")
    batch = np.random.default_rng(1).random((2, 3, 8, 8), dtype=np.float32)
    said = [
        onnxruntime.InferenceSession(str(each), providers=["CPUExecutionProvider"]).run([name], {"x": batch})[0]
        for each, name in ((given.path, "answer"), (path, "logits"))
    ]
    assert np.array_equal(*said)


@pytest.mark.parametrize("open_end", [-1, 0, "batch"])
def test_a_batch_that_is_declared_as_no_number_is_dynamic(tmp_path, open_end):
    # PaddlePaddle's exporter writes -1.
    given = adopt.read(saved(tmp_path, shape=(open_end, 3, 8, 8), answer=(open_end, 4)), None)
    assert (given.batch, given.classes) == (None, 4)


def test_whoever_was_called_logits_before_makes_room(tmp_path):
    path = saved(tmp_path, outputs=("logits", "other"))
    given = adopt.read(path, "other")
    (tmp_path / "work").mkdir()
    copy = onnx.load(given.adopted(SPEC, NAMES, tmp_path / "work"))
    assert [value.name for value in copy.graph.output] == ["logits_before", "logits"]
    onnx.checker.check_model(copy, full_check=True)


@pytest.mark.parametrize(
    ("changes", "output", "said"),
    [
        ({"inputs": ("x", "y")}, None, "models with one input are compared, this one has x, y"),
        ({"kind": TensorProto.FLOAT16}, None, "the input 'x' is float16, not float32 (16-bit files are judged by claims"),
        ({"kind": TensorProto.UINT8}, None, "the input 'x' is uint8, not float32"),
        ({"shape": ("batch", 8, 8, 3)}, None, "the input 'x' is ? x 8 x 8 x 3, not N x 3 x H x W: images lie channels last (NHWC)"),
        ({"shape": ("batch", 1, 8, 8)}, None, "the input 'x' is ? x 1 x 8 x 8, not N x 3 x H x W"),
        ({"shape": (8, 3, 8, 8)}, None, "the batch of the input 'x' is fixed at 8; single images cannot be asked"),
        ({"outputs": ("boxes", "scores")}, None, "which of its outputs holds the logits? There are: boxes, scores"),
        ({"answer": ()}, None, "the output 'answer' is a number, not batch x classes"),
        ({"answer": ("batch", 4, 1)}, None, "the output 'answer' is ? x 4 x 1, not batch x classes"),
        ({"outputs": ("boxes", "scores")}, "score", "there is no output 'score'; there are: boxes, scores"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_next_step(tmp_path, changes, output, said):
    with pytest.raises(UsageError) as caught:
        adopt.read(saved(tmp_path, **changes), output)
    assert said in caught.value.what
    assert caught.value.next
    assert caught.value.where.endswith("theirs.onnx")


def test_branches_read_the_output_by_its_new_name(tmp_path):
    theirs = model(outputs=("answer",))
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["answer"], [name])], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
        )
        for name, op in (("then", "Identity"), ("else", "Neg"))
    }
    theirs.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    theirs.graph.node.append(helper.make_node("If", ["yes"], ["logits"], **branches))
    theirs.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, None))
    onnx.save(theirs, tmp_path / "branches.onnx")
    (tmp_path / "work").mkdir()
    path = adopt.read(tmp_path / "branches.onnx", "answer").adopted(SPEC, NAMES, tmp_path / "work")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(1).random((2, 3, 8, 8), dtype=np.float32)
    assert np.array_equal(*session.run(["logits", "logits_before"], {"x": batch}))


@pytest.mark.parametrize("place", ["gone.bin", "../outside.bin"])
def test_weights_in_a_file_that_cannot_be_had_are_bad_data(tmp_path, place):
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "theirs.onnx"
    onnx.save(model(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "folder" / "weights.bin").rename(tmp_path / "outside.bin")
    split = onnx.load(path, load_external_data=False)
    for tensor in split.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = place
    path.write_bytes(split.SerializeToString())
    with pytest.raises(DataError, match="not an ONNX file that can be read"):
        adopt.read(path, None)


def test_weights_in_another_file_are_taken_into_the_copy(tmp_path):
    path, original = tmp_path / "theirs.onnx", model()
    onnx.save(model(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "work").mkdir()
    copy = onnx.load(adopt.read(path, None).adopted(SPEC, NAMES, tmp_path / "work"), load_external_data=False)
    assert [numpy_helper.to_array(each).tobytes() for each in copy.graph.initializer] == [
        numpy_helper.to_array(each).tobytes() for each in original.graph.initializer
    ]


def test_a_file_too_large_for_one_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(UsageError, match=r"with its weights it is 2\.0 GiB"):
        adopt.read(path, None)


def test_weights_elsewhere_count_before_they_are_read(tmp_path):
    path = tmp_path / "theirs.onnx"
    onnx.save(model(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    split = onnx.load(path, load_external_data=False)
    weight = next(each for each in split.graph.initializer if each.name == "w")
    weight.dims[:] = (1000, 600_000)
    path.write_bytes(split.SerializeToString())
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UsageError, match=r"with its weights it is 2\.2 GiB"):
        adopt.read(path, None)


@pytest.mark.parametrize("content", [None, b"", b"not an ONNX file at all"])
def test_what_is_no_model_is_bad_data(tmp_path, content):
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError):
        adopt.read(path, None)


def test_a_file_without_a_spec_names_the_key_and_both_flags(tmp_path):
    given = adopt.read(saved(tmp_path), None)
    with pytest.raises(UsageError, match=r"no metadata 'concord\.preprocess'") as caught:
        adopt.spec_of(given, None, None)
    assert "--preset" in caught.value.next
    assert "--spec" in caught.value.next
    assert adopt.spec_of(given, SPEC, None) == adopt.spec_of(given, None, SPEC) == SPEC


def test_what_the_file_says_of_itself_stands(tmp_path):
    own = Card(labels=NAMES, preprocess=SPEC).to_metadata()
    given = adopt.read(saved(tmp_path, metadata=own), None)
    assert adopt.spec_of(given, None, OTHER) == adopt.spec_of(given, SPEC, None) == SPEC
    assert adopt.labels_of(given, ("other",) * 4) == NAMES
    with pytest.raises(UsageError, match="says another preprocessing than --spec"):
        adopt.spec_of(given, OTHER, None)


def test_class_names_come_from_the_other_side_or_are_numbers(tmp_path):
    given = adopt.read(saved(tmp_path), None)
    assert adopt.labels_of(given, NAMES) == NAMES
    assert adopt.labels_of(given, None) == ("class 0", "class 1", "class 2", "class 3")


def test_images_of_class_folders_are_labelled_and_others_are_not(tmp_path):
    for name in ("A/2.jpg", "B/1.PNG", "A/notes.txt", ".hidden/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found, notes = images.entries(tmp_path, NAMES)
    assert [(entry.path, entry.label) for entry in found] == [("A/2.jpg", 0), ("B/1.PNG", 1)]
    assert notes == ("1 files that are no images by name were left out, such as A/notes.txt",)
    assert [entry.label for entry in images.entries(tmp_path, ("A", "C"))[0]] == [-1, -1]
    assert [entry.label for entry in images.entries(tmp_path / "A", NAMES)[0]] == [-1]
    assert images.entries(tmp_path / "B", NAMES)[1] == ()


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_images_is_bad_data(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConcordError) as caught:
        images.entries(tmp_path / name, NAMES)
    assert caught.value.exit_code == 4
    assert caught.value.where == str(tmp_path / name)
