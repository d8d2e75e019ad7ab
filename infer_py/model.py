"""A loaded model: its file's description, its session, and forwards with named outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.card import Card
from contract.errors import DataError, UnsupportedError, UsageError, nearest
from contract.preprocess import KEY, PreprocessSpec
from contract.protocol import ValueInfo
from infer_py import onnx_file
from infer_py.library import Library, Values
from infer_py.onnx_file import OnnxFile

Array = NDArray[Any]
Create = Callable[[Path, str, Any], tuple[Any, int]]
LOGITS = "logits"
DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}


@dataclass
class Model:
    """One model file in one session; sessions with added outputs are made when they are first asked for."""

    file: OnnxFile
    card: Card
    provider: str
    options: Any
    session: Any
    ns: int
    library: Library
    _extended: dict[tuple[str, ...], Any] = field(default_factory=dict)

    @property
    def input(self) -> ValueInfo:
        """The one input. Raises UnsupportedError for a model with another signature."""
        inputs = described(self.session.get_inputs())
        if len(inputs) != 1 or inputs[0].dtype != "float32" or len(inputs[0].shape) != 4:
            said = ", ".join(f"{value.name} {value.dtype} {list(value.shape)}" for value in inputs)
            raise UnsupportedError(
                f"one float32 input of 4 dimensions is needed, this model has: {said}",
                where=str(self.file.path),
                next="choose a model of images",
            )
        return inputs[0]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's own outputs."""
        return tuple(value.name for value in self.session.get_outputs())

    @property
    def spec(self) -> PreprocessSpec:
        """How images become tensors. Raises DataError when the file does not say."""
        if self.card.preprocess is None:
            raise DataError(
                f"the model does not say how to prepare images: it has no metadata '{KEY}'",
                where=str(self.file.path),
                next="export it with Concord, or give it a ready tensor (.npy)",
            )
        return self.card.preprocess

    def label(self, index: int) -> str | None:
        """A class's name, or None where the file carries none. Raises DataError where it carries too few."""
        if self.card.labels is None:
            return None
        if index >= len(self.card.labels):
            said = f"class {index} has no name: there are {len(self.card.labels)}"
            raise DataError(said, where=str(self.file.path), next="export it again")
        return self.card.labels[index]

    def check(self, images: Array, batch: int) -> None:
        """Refuse a tensor that the model cannot take. Raises UsageError naming both sizes."""
        if images.dtype != np.float32 or images.ndim != 4:
            raise UsageError(
                f"the tensor must be float32 N x C x H x W, it is {images.dtype} {list(images.shape)}",
                where=str(self.file.path),
                next="convert it",
            )
        self.check_shape((batch, *images.shape[1:]))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse a shape that the model cannot take. Raises UsageError naming both sizes."""
        for axis, (size, wanted) in enumerate(zip(shape, self.input.shape, strict=True)):
            if wanted not in (None, size):
                what = "this static variant takes batches of" if axis == 0 else f"axis {axis} of the input has"
                raise UsageError(
                    f"{what} {wanted}, asked for {size}", where=str(self.file.path), next="give what it takes, or choose a dynamic variant"
                )

    def run(self, images: Array, outputs: tuple[str, ...] = ()) -> list[Array]:
        """One forward: the asked outputs in order, or all of the model's own. Raises DataError when the library fails."""
        chosen = self._with_outputs(outputs)
        try:
            answer: list[Array] = chosen.run(list(outputs) or None, {self.input.name: images})
        except self.library.FAULTS as fault:
            raise self.failed(fault) from fault
        return answer

    def logits(self, images: Array) -> Array:
        """Logits of a batch, N x classes. Raises DataError where there are none, or where one is no number."""
        if LOGITS not in self.outputs:
            raise DataError(
                f"no output is called '{LOGITS}'; there are: {', '.join(self.outputs)}",
                where=str(self.file.path),
                next="export it with Concord",
            )
        answer = self.run(images, (LOGITS,))[0]
        if self.card.labels is not None and answer.shape[-1] != len(self.card.labels):
            # Where the file says how many there are, it is refused when it is loaded.
            said = f"names {len(self.card.labels)} classes, and answers {answer.shape[-1]} logits"
            raise DataError(said, where=str(self.file.path), next="export it again")
        if not np.isfinite(answer).all():
            raise DataError(
                "the model answers NaN or infinity", where=str(self.file.path), next="check the model: was its training finite?"
            )
        return answer

    def failed(self, fault: BaseException) -> DataError:
        """What one of the library's own errors is to a user."""
        return DataError(
            f"{self.library.NAME} failed: {self.library.said(fault)}",
            where=str(self.file.path),
            next="export it again; nox -s doctor shows the library",
        )

    def _with_outputs(self, names: tuple[str, ...]) -> Any:
        added = tuple(name for name in dict.fromkeys(names) if name not in self.outputs)
        if not added:
            return self.session
        for name in added:
            if name not in self.file.values:
                raise UsageError(
                    f"no value '{name}' in the graph; {nearest(name, self.file.values)}",
                    where=str(self.file.path),
                    next="choose one of the graph's values",
                )
        if added not in self._extended:
            self._extended[added] = self.library.with_outputs(self.file.path, added, self.provider, self.options)
        return self._extended[added]


def described(values: Values) -> tuple[ValueInfo, ...]:
    """Inputs or outputs of a session; a named or unknown dimension is None."""
    return tuple(
        ValueInfo(value.name, tuple(size if isinstance(size, int) else None for size in value.shape), DTYPES.get(value.type, value.type))
        for value in values
    )


def load(path: Path, provider: str, options: Any, library: Library, create: Create | None = None) -> Model:
    """Read, check and open a model file; `create` stands for the library's own. Raises DataError, and what creating a session raises."""
    file = onnx_file.read(path)
    card = Card.from_metadata(file.metadata, str(path))
    session, ns = (create or library.timed_create)(path, provider, options)
    _check_labels(card, session, path)
    return Model(file, card, provider, options, session, ns, library)


def _check_labels(card: Card, opened: Any, path: Path) -> None:
    if card.task not in (None, "classify"):
        raise DataError(f"task '{card.task}' is not supported, only 'classify'", where=str(path), next="choose a classifier")
    sizes = {value.name: value.shape[-1] for value in described(opened.get_outputs()) if value.shape}
    count = sizes.get(LOGITS)
    if card.labels is not None and count not in (None, len(card.labels)):
        raise DataError(f"names {len(card.labels)} classes, and its logits have {count}", where=str(path), next="export it again")
