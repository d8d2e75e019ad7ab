"""A planted fault is found at its node, in few sessions, and reproduced by a script that needs nothing of ours."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from bench.blame import reproduction, standing
from bench.blame.graph import read
from bench.blame.locate import Ends, Located, locate
from bench.blame.matching import comparable, same_topology
from bench.blame.model import every_bit
from bench.blame.search import Array
from contract.errors import UsageError
from tests.bench.blame.made import IMAGE, Local, residual, scaled, without

CLEAN = residual()
CONVOLUTIONS = [f"{block}.{branch}" for block in range(3) for branch in ("main", "short")]


def noisy(expected: dict[str, Array]) -> dict[str, float]:
    return {name: 1e-5 * float(np.abs(array).max()) for name, array in expected.items()}


def find(tmp_path: Path, suspect: onnx.ModelProto, reference: onnx.ModelProto = CLEAN, tolerance=noisy, names=None) -> Located | None:
    image = tmp_path / "image.npy"
    np.save(image, IMAGE)
    names = set(read(reference).writers) if names is None else names
    ends = Ends(Local(reference).values(["logits"]), Local(suspect).values(["logits"]))
    return locate(suspect, Local(suspect), Local(reference), names, tolerance, ends, image, tmp_path / "reproduction")


def script(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, folder / "reproduce.py"], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("conv", CONVOLUTIONS)
@pytest.mark.parametrize("tolerance", [noisy, every_bit])
def test_a_planted_weight_fault_is_found_at_its_node(tmp_path, conv, tolerance):
    block, branch = conv.split(".")
    found = find(tmp_path, scaled(CLEAN, f"{conv}.weight", 1.001), tolerance=tolerance)
    assert found is not None
    assert [step.name for step in found.steps] == [f"node_{branch}_{block}"]
    assert (found.step.op, found.value, found.origin) == ("Conv", f"{branch}_{block}", "made")
    assert found.difference > found.tolerance
    assert found.nodes == found.matched == 15
    assert found.sessions <= math.ceil(math.log2(found.nodes)) + 1


def test_the_last_node_costs_no_more(tmp_path):
    found = find(tmp_path, scaled(CLEAN, "fc.weight", 1.01))
    assert found is not None
    assert (found.step.name, found.origin) == ("node_linear", "made")
    assert found.sessions <= math.ceil(math.log2(found.nodes)) + 1


def test_of_two_faults_the_found_one_has_right_inputs(tmp_path):
    found = find(tmp_path, scaled(scaled(CLEAN, "0.short.weight", 1.01), "2.main.weight", 1.01))
    assert found is not None
    assert (found.step.name, found.origin) == ("node_short_0", "made")


@pytest.mark.parametrize("tolerance", [noisy, every_bit])
def test_the_script_shows_the_fault_and_is_content_without_it(tmp_path, tolerance):
    found = find(tmp_path, scaled(CLEAN, "1.main.weight", 1.01), tolerance=tolerance)
    assert found is not None
    assert found.reproduction is not None
    folder = tmp_path / "elsewhere"
    found.reproduction.rename(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["expected.npz", "inputs.npz", "model.onnx", "reproduce.py"]
    bad = script(folder)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert "main_1: largest difference" in bad.stdout
    part = onnx.load(folder / "model.onnx")
    assert [node.op_type for node in part.graph.node] == ["Conv"]
    assert len((folder / "reproduce.py").read_text().splitlines()) <= 14
    (folder / "model.onnx").write_bytes(scaled(part, "1.main.weight", 1 / 1.01).SerializeToString())
    assert script(folder).returncode == 0


def test_a_script_that_cannot_run_says_neither(tmp_path):
    reproduction.write(tmp_path, onnx.ModelProto(), {}, {}, {}, 'a "title" with \\ in it')
    assert script(tmp_path).returncode == 1
    assert reproduction.run(tmp_path) is None


def test_a_node_that_a_simplifier_drops(tmp_path):
    suspect = without(CLEAN, "relu_1")
    found = find(tmp_path, suspect)
    assert found is not None
    assert (found.step.name, found.origin) == ("node_add_1", "made")
    assert standing.unlike(suspect, CLEAN, found.value) == "it reads 'main_1', and read 'relu_1'"
    assert not same_topology(suspect, CLEAN)


def test_an_error_too_small_to_see_at_first_is_inherited(tmp_path):
    def loose_but_at_the_end(expected: dict[str, Array]) -> dict[str, float]:
        return {name: 1e-5 if name == "logits" else 1e9 for name in expected}

    found = find(tmp_path, scaled(CLEAN, "0.main.weight", 1.01), tolerance=loose_but_at_the_end)
    assert found is not None
    assert (found.step.name, found.origin) == ("node_linear", "inherited")


def test_values_that_cannot_be_compared_widen_the_answer(tmp_path):
    found = find(tmp_path, scaled(CLEAN, "1.main.weight", 1.01), names={"add_0", "add_1", "logits"})
    assert found is not None
    assert [step.name for step in found.steps] == ["node_main_1", "node_short_1", "node_relu_1", "node_add_1"]
    assert (found.value, found.step.name, found.matched, found.origin) == ("add_1", "node_add_1", 3, "made")
    nothing = find(tmp_path, scaled(CLEAN, "1.main.weight", 1.01), names={"logits"})
    assert nothing is not None
    assert (len(nothing.steps), nothing.origin) == (15, "made")


def test_nothing_differs(tmp_path):
    assert find(tmp_path, CLEAN) is None
    assert find(tmp_path, CLEAN, tolerance=every_bit) is None


def test_other_outputs_are_refused(tmp_path):
    with pytest.raises(UsageError, match="'logits' is an output of one side only"):
        locate(CLEAN, Local(CLEAN), Local(CLEAN), (), noisy, Ends({"scores": IMAGE}, {"logits": IMAGE}), tmp_path, None)


def test_a_namesake_of_another_shape_is_none():
    model = residual()
    model.graph.value_info.add().CopyFrom(onnx.helper.make_tensor_value_info("add_0", onnx.TensorProto.FLOAT, ["batch", 4, 6, 6]))
    others = {"add_0": (None, 4, 6, 6), "logits": (1, 5), "shape": (2,)}
    assert comparable(model, others) == {"add_0", "logits", "shape"}
    assert comparable(model, others | {"add_0": (1, 4, 6, 7)}) == {"logits", "shape"}
    assert comparable(model, others | {"add_0": (4,)}) == {"logits", "shape"}
    assert same_topology(model, scaled(model, "fc.weight", 2))


def test_how_a_node_is_not_its_namesake():
    assert standing.unlike(CLEAN, CLEAN, "add_0") is None
    assert standing.unlike(scaled(CLEAN, "0.main.weight", 2), CLEAN, "main_0") == "its weight '0.main.weight' is another"
    other = residual()
    next(node for node in other.graph.node if node.name == "node_main_0").attribute[0].ints[0] = 0
    assert standing.unlike(other, CLEAN, "main_0") == "its attribute 'pads' is another"
    next(node for node in other.graph.node if node.name == "node_relu_0").op_type = "Abs"
    assert standing.unlike(other, CLEAN, "relu_0") == "it is Abs, and was Relu"
    assert standing.unlike(without(CLEAN, "relu_0"), CLEAN, "relu_0") == "only one of the files computes 'relu_0'"


def test_training_mode_is_seen_in_the_file():
    model = residual()
    assert standing.in_training_mode(model) == ()
    make = onnx.helper.make_node
    model.graph.node.append(make("BatchNormalization", ["a"] * 5, ["b"], name="eval"))
    model.graph.node.append(make("BatchNormalization", ["a"] * 5, ["b"], name="norm", training_mode=1))
    model.graph.node.append(make("RandomUniformLike", ["a"], ["b"], name="noise"))
    model.graph.node.append(make("BatchNormalization", ["a", "b", "c", "mean", "d"], ["e"], name="own statistics"))
    for name, value in (("on", True), ("off", False)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value), name))
        model.graph.node.append(make("Dropout", ["a", "", name], ["b"], name=f"dropout {name}"))
    assert standing.in_training_mode(model) == ("norm", "noise", "own statistics", "dropout on")
