"""A model as torch's exporter captures it: one function for `export`, which writes the result down, and for the runner, which runs it."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any, Literal

import torch

INPUT, OUTPUT, BATCH = "images", "logits", "batch"
# Traced with two images: a dimension of size 1 invites specialisation.
TRACED = {"static": 1, "dynamic": 2}


def capture(model: torch.nn.Module, image: torch.Tensor, batch: Literal["static", "dynamic"], opset: int | None = None) -> Any:
    """The torch.onnx.ONNXProgram of a model; its `exported_program` is what was captured, and does not depend on the opset.

    `image`: float32 1 x 3 x H x W. Raises torch.onnx.OnnxExporterError.
    """
    traced = image[:1].expand(TRACED[batch], -1, -1, -1).contiguous()
    with _quiet():
        return torch.onnx.export(
            model,
            (traced,),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=opset,
            dynamic_shapes=({0: BATCH},) if batch == "dynamic" else None,
            verbose=False,
        )


@contextlib.contextmanager
def _quiet() -> Any:
    """No chatter on stdout, and none of the warnings that torch's exporter provokes in torch itself."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        for category in (DeprecationWarning, FutureWarning, UserWarning):
            warnings.filterwarnings("ignore", category=category, module=r"(torch|onnxscript|onnx_ir|copyreg)(\.|$)")
        yield
