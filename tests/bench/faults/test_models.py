"""Faults of the file, on a small network run by ONNX Runtime: each still loads, and each says something else."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.faults import models
from bench.faults.every import FAULTS
from contract import card

FILE_FAULTS = [fault for fault in FAULTS.values() if fault.seam == "file"]
NAMES = ("ADONIS", "BLUE", "C", "DANAID GREEN")


def network() -> onnx.ModelProto:
    """Three convolutions with Relu, mean, Gemm: the shape of an exported ResNet, in small."""
    random = np.random.default_rng(0)

    def tensor(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array((random.standard_normal(shape) / 3).astype(np.float32), name)

    nodes, weights, last = [], [], "images"
    for number, channels in enumerate((3, 8, 8)):
        weights += [tensor(f"w{number}", 8, channels, 3, 3), tensor(f"b{number}", 8)]
        nodes.append(helper.make_node("Conv", [last, f"w{number}", f"b{number}"], [f"c{number}"], name=f"conv{number}"))
        nodes.append(helper.make_node("Relu", [f"c{number}"], [f"r{number}"], name=f"relu{number}"))
        last = f"r{number}"
    weights += [tensor("fc.weight", 4, 8), tensor("fc.bias", 4)]
    nodes += [helper.make_node("GlobalAveragePool", [last], ["mean"]), helper.make_node("Flatten", ["mean"], ["flat"])]
    nodes.append(helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["logits"], transB=1))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 12, 12])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])
    graph = helper.make_graph(nodes, "small", [images], [logits], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, card.Card(task="classify", labels=NAMES).to_metadata())
    return model


IMAGES = np.random.default_rng(1).standard_normal((5, 3, 12, 12)).astype(np.float32)


def answers(model: onnx.ModelProto, images=IMAGES, name: str = "logits") -> np.ndarray:
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    if name != "logits":
        asked.graph.output.append(helper.make_empty_tensor_value_info(name))
    session = onnxruntime.InferenceSession(asked.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([name], {"images": images})[0]


def faulty(name: str, dose: float) -> onnx.ModelProto:
    model = network()
    FAULTS[name].apply(models.File(model, lambda asked, value: answers(asked, name=value)), dose)
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda fault: fault.name)
def test_each_fault_shows(fault):
    true, model = network(), faulty(fault.name, fault.doses[0])
    if fault.group == "labels":
        names = models.labels(model)
        assert names != list(NAMES)
        assert len(names) == len(NAMES)
        assert np.array_equal(answers(model), answers(true))
    elif fault.name == "batch_frozen":
        assert np.array_equal(answers(model, IMAGES[:1]), answers(true, IMAGES[:1]))
        with pytest.raises(Exception, match="invalid dimensions"):
            answers(model)
    else:
        assert not np.array_equal(answers(model), answers(true), equal_nan=False)


def test_training_mode_takes_the_statistics_of_the_batch():
    model = faulty("training_batchnorm", 1.0)
    together, alone = answers(model), np.concatenate([answers(model, IMAGES[at : at + 1]) for at in range(5)])
    assert np.abs(together - alone).max() > 1e-3
    assert np.abs(answers(network()) - together).max() < 1.0  # the layers behind it still get what they know


def test_a_dose_of_nothing_changes_nothing():
    assert np.abs(answers(faulty("training_batchnorm", 0.0)) - answers(network())).max() < 1e-6
    for name in ("weight_tensor_scaled", "one_weight_scaled", "bias_shifted", "stale_checkpoint"):
        assert np.array_equal(answers(faulty(name, 0.0)), answers(network()))


def test_a_single_weight_is_one_of_them():
    changed = {each.name: numpy_helper.to_array(each) for each in faulty("one_weight_scaled", 10.0).graph.initializer}
    differing = [(changed[each.name] != numpy_helper.to_array(each)).sum() for each in network().graph.initializer]
    assert sorted(differing) == [0] * (len(differing) - 1) + [1]
