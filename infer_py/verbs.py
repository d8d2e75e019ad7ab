"""What every library's runner does alike: the verbs that ask loaded models (bench/PROTOCOL.md), one function each."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import protocol
from contract.errors import UsageError
from contract.serve import Handler
from infer_py import answer, clock, npz
from infer_py.model import LOGITS, Model
from infer_py.preprocess import preprocess
from infer_py.stages import stages


class Verbs:
    """Loaded models by id, and the verbs that need no more than such a model. `name`: the runtime's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._models: dict[str, Model] = {}
        self._ids = (f"m{number}" for number in itertools.count(1))

    def handlers(self) -> dict[str, Handler]:
        """Verb to function, for contract.serve; a runner adds `hello`, `load`, and what else it has."""
        return {"predict": self.predict, "stages": self.stages, "time": self.time, "unload": self.unload}

    def predict(self, asked: protocol.PredictArgs) -> protocol.Predicted:
        """Named arrays for images or for a ready tensor; the input's own name gives the tensor, and alone needs no forward."""
        model = self._model(asked.id)
        outputs = asked.outputs or model.outputs
        forward = tuple(name for name in outputs if name != model.input.name)
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in outputs}
        checksums = []
        for images in _batches(model, asked):
            if model.input.name in parts:
                parts[model.input.name].append(images)
            if not forward:
                continue
            model.check(images, asked.batch)
            model.check(images, len(images))  # the last batch may be smaller, but not for a static variant
            answers = model.run(images, forward)
            checksums.append(answer.checksum(answers[0]))
            for name, array in zip(forward, answers, strict=True):
                parts[name].append(array)
        arrays = {name: _joined(name, arrays) for name, arrays in parts.items()}
        top1 = answer.top1(arrays[LOGITS]) if LOGITS in arrays and arrays[LOGITS].ndim == 2 else None
        return protocol.Predicted(npz.write(Path(asked.out), arrays), top1, tuple(checksums))

    def stages(self, asked: protocol.StagesArgs) -> protocol.Staged:
        """Every stage's array of one image, or those from a given one on."""
        model = self._model(asked.id)
        if model.spec.input_size is not None:
            model.check_shape((1, 3, *model.spec.input_size))  # before an image is made as large as the spec says
        arrays, orientation = stages(Path(asked.image), model.spec, asked.start)
        images = arrays["normalise"][None]
        model.check(images, 1)
        arrays["logits"] = logits = model.run(images, (LOGITS,))[0][0]
        top1 = answer.top1(logits[None])[0]
        return protocol.Staged(npz.write(Path(asked.out), arrays), top1, model.label(top1), orientation)

    def time(self, asked: protocol.TimeArgs) -> protocol.Timed:
        """Take samples."""
        return clock.take(self._model(asked.id), asked)

    def unload(self, asked: protocol.UnloadArgs) -> protocol.Nothing:
        """Drop a model and all its sessions."""
        self._model(asked.id)
        del self._models[asked.id]
        return protocol.Nothing()

    def _keep(self, model: Model) -> str:
        name = next(self._ids)
        self._models[name] = model
        return name

    def _model(self, id: str) -> Model:
        if id not in self._models:
            raise UsageError(f"no model '{id}' is loaded; loaded: {', '.join(self._models) or 'none'}", where=self._name)
        return self._models[id]


def _batches(model: Model, asked: protocol.PredictArgs) -> Any:
    """Tensors of `batch` images each; the last may be smaller. Images are prepared when their turn comes, so memory stays small."""
    if asked.tensor is not None:
        ready = npz.read_images(Path(asked.tensor))
        return (ready[start : start + asked.batch] for start in range(0, len(ready), asked.batch))
    paths = asked.images or ()
    if not paths:
        raise UsageError("no images", where="predict")
    spec = model.spec
    if spec.input_size is not None and set(asked.outputs) != {model.input.name}:
        model.check_shape((asked.batch, 3, *spec.input_size))
    groups = (paths[start : start + asked.batch] for start in range(0, len(paths), asked.batch))
    return (_stacked([preprocess(Path(path), spec) for path in group]) for group in groups)


def _stacked(tensors: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    sizes = {tensor.shape for tensor in tensors}
    if len(sizes) > 1:
        raise UsageError(f"images of different sizes in one batch, and the spec has no crop: {sorted(sizes)}", next="use batch 1")
    return np.stack(tensors)


def _joined(name: str, parts: list[NDArray[Any]]) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    shapes = {part.shape[1:] for part in parts if part.ndim}
    if len(shapes) != 1 or any(part.ndim == 0 for part in parts):
        raise UsageError(
            f"value '{name}' cannot be joined over {len(parts)} batches",
            where="predict",
            next="ask for one batch only, or use a spec that crops to one size",
        )
    return np.concatenate(parts)
