"""PyTorch -> ONNX: the dynamo exporter, quiet, with our names, and the eager answers that the file is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from contract.card import Card
from contract.errors import ConcordError, DataError
from export import clean
from train.capture import BATCH, capture


@dataclass(frozen=True)
class Reference:
    """Held-out images and PyTorch's answers, as files for the worker."""

    tensor: Path
    eager: Path


class NotTranslated(ConcordError):
    """The exporter gave up on a model."""

    exit_code = 1
    kind = "judged"


def to_onnx(model: torch.nn.Module, images: torch.Tensor, batch: Literal["static", "dynamic"], card: Card, opset: int) -> bytes:
    """The bytes of a model file. Raises NotTranslated with the exporter's reason."""
    try:
        program = capture(model, images, batch, opset)
    except torch.onnx.OnnxExporterError as fault:
        raise NotTranslated(f"torch.onnx.export failed: {_first_line(fault)}", where=card.variant.name if card.variant else "") from fault
    if program is None:
        raise NotTranslated("torch.onnx.export returned nothing")
    made: onnx.ModelProto = program.model_proto
    clean.strip(made)
    clean.write_card(made, card)
    _check_axis(made, batch)
    return clean.to_bytes(made)


def answer(model: torch.nn.Module, images: torch.Tensor, folder: Path) -> Reference:
    """PyTorch's logits for the first one, two and three images, written to a folder. Raises DataError when one is no number."""
    with torch.inference_mode():
        logits: dict[str, NDArray[Any]] = {str(size): model(images[:size]).numpy() for size in range(1, len(images) + 1)}
    if not all(np.isfinite(values).all() for values in logits.values()):
        raise DataError("the checkpoint answers NaN or infinity", where="export", next="nox -s train -- --force trains it again")
    made = Reference(folder / "images.npy", folder / "eager.npz")
    np.save(made.tensor, images.numpy())
    np.savez(made.eager, **logits)  # type: ignore[arg-type]
    return made


def _check_axis(model: onnx.ModelProto, batch: str) -> None:
    for value in (*model.graph.input, *model.graph.output):
        size = value.type.tensor_type.shape.dim[0]
        got = size.dim_param or size.dim_value
        if got != (BATCH if batch == "dynamic" else 1):
            raise NotTranslated(f"axis 0 of '{value.name}' came out as {got!r} in the {batch} form")


def _first_line(fault: BaseException) -> str:
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)[:300]
