"""Faults of the ONNX file: each edits a parsed model in place, with its manifest told the new hash, as a wrong exporter would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bench.faults.catalogue import Array, fault
from contract import card, strict

SEED = 7


@dataclass(frozen=True)
class File:
    """A model to be edited; `values(model, name)` gives a value of the graph for some real images (N x C x H x W)."""

    model: ModelProto
    values: Callable[[ModelProto, str], Array]

    @property
    def graph(self) -> onnx.GraphProto:
        """Its graph."""
        return self.model.graph

    def weights(self) -> list[TensorProto]:
        """Weight tensors (two dimensions and more) in the order of their names."""
        return sorted((each for each in self.graph.initializer if len(each.dims) > 1), key=lambda each: str(each.name))

    def head(self) -> tuple[TensorProto, TensorProto]:
        """Weight (classes x features) and bias of the last layer."""
        last = self.graph.node[-1]
        found = {each.name: each for each in self.graph.initializer}
        return found[last.input[1]], found[last.input[2]]


def change(tensor: TensorProto, values: Array) -> None:
    """Give an initializer other values."""
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), tensor.name))


def labels(model: ModelProto) -> list[str]:
    """The class names in a file."""
    return list(strict.loads(next(each.value for each in model.metadata_props if each.key == card.LABELS), card.LABELS))


def relabel(model: ModelProto, names: list[str]) -> None:
    """Write other class names."""
    entry = next(each for each in model.metadata_props if each.key == card.LABELS)
    entry.value = strict.dumps(names)


@fault("labels", "label", "file")
def labels_reversed(file: File, _dose: float) -> None:
    """Class names stand in another order."""
    relabel(file.model, labels(file.model)[::-1])


@fault("labels", "label", "file")
def two_labels_swapped(file: File, _dose: float) -> None:
    """Two class names are exchanged."""
    first, second, *rest = labels(file.model)
    relabel(file.model, [second, first, *rest])


@fault("labels", "label", "file")
def labels_sorted_otherwise(file: File, _dose: float) -> None:
    """Class names are sorted by length first, as a natural sort puts 10 behind 9."""
    relabel(file.model, sorted(labels(file.model), key=lambda name: (len(name), name)))


@fault("labels", "label", "file")
def class_dropped(file: File, _dose: float) -> None:
    """The first class is missing, and all others move up by one."""
    relabel(file.model, [*labels(file.model)[1:], "background"])


@fault("model", "logits", "file", doses=(0.1, 1e-3, 1e-4, 1e-5, 1e-6))
def weight_tensor_scaled(file: File, dose: float) -> None:
    """One weight tensor is multiplied by 1 + dose."""
    weights = file.weights()
    chosen = weights[len(weights) // 2]
    change(chosen, numpy_helper.to_array(chosen) * (1 + dose))


@fault("model", "logits", "file", doses=(10.0, 0.1, 1e-3, 1e-5))
def one_weight_scaled(file: File, dose: float) -> None:
    """A single weight of millions is multiplied by 1 + dose."""
    weights = file.weights()
    chosen = weights[len(weights) // 2]
    values = numpy_helper.to_array(chosen).copy()
    where = np.random.default_rng(SEED).integers(values.size)
    values.reshape(-1)[where] *= 1 + dose
    change(chosen, values)


@fault("model", "logits", "file", doses=(1.0, 1e-2, 1e-4, 1e-6))
def bias_shifted(file: File, dose: float) -> None:
    """The bias of one class is shifted (dose: by so much)."""
    _, bias = file.head()
    values = numpy_helper.to_array(bias).copy()
    values[0] += dose
    change(bias, values)


@fault("model", "logits", "file", doses=(0.1, 1e-2, 1e-3, 1e-4))
def stale_checkpoint(file: File, dose: float) -> None:
    """All weights are those of another moment of training (dose: away by this share of their spread)."""
    random = np.random.default_rng(SEED)
    for tensor in file.weights():
        values = numpy_helper.to_array(tensor)
        change(tensor, values + dose * values.std() * random.standard_normal(values.shape))


@fault("model", "logits", "file")
def outputs_swapped(file: File, _dose: float) -> None:
    """The first two rows of the last layer are exchanged."""
    for tensor in file.head():
        values = numpy_helper.to_array(tensor).copy()
        values[[0, 1]] = values[[1, 0]]
        change(tensor, values)


@fault("model", "logits", "file")
def softmax_added(file: File, _dose: float) -> None:
    """The file ends with a softmax, to which its user applies another one: labels stay, probabilities do not."""
    _behind(file, file.graph.node[-1], lambda old, new: [helper.make_node("Softmax", [old], [new], axis=1)])


@fault("model", "logits", "file", doses=(1.0, 0.1, 1e-2))
def training_batchnorm(file: File, dose: float) -> None:
    """A BatchNorm is in training mode: it takes the statistics of the batch (dose: mixed in)."""
    convolution = [node for node in file.graph.node if node.op_type == "Conv"][2]
    values = file.values(file.model, convolution.output[0])
    constants = {"bn_scale": values.std((0, 2, 3)), "bn_shift": values.mean((0, 2, 3)), "bn_new": [dose], "bn_old": [1 - dose]}
    file.graph.initializer.extend(numpy_helper.from_array(np.array(made, np.float32), name) for name, made in constants.items())

    def nodes(old: str, new: str) -> list[NodeProto]:
        state = ["bn_shift", "bn_scale"]
        return [
            helper.make_node("BatchNormalization", [old, "bn_scale", *state[:1], *state], ["bn_y", "bn_m", "bn_v"], training_mode=1),
            helper.make_node("Mul", ["bn_y", "bn_new"], ["bn_yn"]),
            helper.make_node("Mul", [old, "bn_old"], ["bn_xo"]),
            helper.make_node("Add", ["bn_yn", "bn_xo"], [new]),
        ]

    _behind(file, convolution, nodes)


@fault("model", "logits", "file", doses=(0.5, 0.01))
def dropout_on(file: File, dose: float) -> None:
    """Dropout before the last layer is in training mode (dose: its ratio)."""
    # ONNX Runtime removes a Dropout node, whatever its mode says: this is what one does, in plain operators.
    constants = {"drop_ratio": dose, "drop_scale": 1 / (1 - dose)}
    file.graph.initializer.extend(numpy_helper.from_array(np.array(made, np.float32), name) for name, made in constants.items())
    producer = next(node for node in file.graph.node if node.output[0] == file.graph.node[-1].input[0])

    def nodes(old: str, new: str) -> list[NodeProto]:
        return [
            helper.make_node("RandomUniformLike", [old], ["drop_random"], seed=float(SEED)),
            helper.make_node("Greater", ["drop_random", "drop_ratio"], ["drop_kept"]),
            helper.make_node("Cast", ["drop_kept"], ["drop_mask"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [old, "drop_mask"], ["drop_masked"]),
            helper.make_node("Mul", ["drop_masked", "drop_scale"], [new]),
        ]

    _behind(file, producer, nodes)


@fault("model", "logits", "file")
def node_dropped(file: File, _dose: float) -> None:
    """A simplifier dropped a Relu."""
    chosen = [node for node in file.graph.node if node.op_type == "Relu"][1]
    for node in file.graph.node:
        for place, name in enumerate(node.input):
            if name == chosen.output[0]:
                node.input[place] = chosen.input[0]
    file.graph.node.remove(chosen)


@fault("model", "logits", "file")
def batch_frozen(file: File, _dose: float) -> None:
    """A dynamic file takes one image only."""
    for value in (*file.graph.input, *file.graph.output):
        value.type.tensor_type.shape.dim[0].Clear()
        value.type.tensor_type.shape.dim[0].dim_value = 1


@fault("model", "logits", "file")
def not_a_number(file: File, _dose: float) -> None:
    """A weight is NaN."""
    weights = file.weights()[0]
    values = numpy_helper.to_array(weights).copy()
    values.reshape(-1)[0] = np.nan
    change(weights, values)


def _behind(file: File, node: NodeProto, make: Callable[[str, str], list[NodeProto]]) -> None:
    """Put nodes behind the first output of one, which keeps its name."""
    name = node.output[0]
    node.output[0] = f"{name}_before"
    place = list(file.graph.node).index(node) + 1
    for offset, made in enumerate(make(node.output[0], name)):
        file.graph.node.insert(place + offset, made)
