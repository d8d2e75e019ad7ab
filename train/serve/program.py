"""The exported program of a model, run node by node: every value in it can be asked for by the name that the ONNX file gives it, too."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Collection
from typing import Any, Literal

import torch
from torch import fx, nn

from contract.errors import DataError, UsageError
from contract.preprocess import PreprocessSpec
from contract.protocol import ValueInfo
from train.capture import OUTPUT, capture

FORMS: dict[str, Literal["static", "dynamic"]] = {"program-static": "static", "program-dynamic": "dynamic"}


class Program(nn.Module):
    """A captured graph; called like the model that it was captured from."""

    def __init__(self, captured: torch.export.ExportedProgram) -> None:
        super().__init__()
        # A copy: its weights may be converted, and the caller may keep the program for another session.
        self.graph_module: fx.GraphModule = copy.deepcopy(captured.module(check_guards=False))
        results = next(node for node in self.graph_module.graph.nodes if node.op == "output").all_input_nodes
        self._output = results[-1].name

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images to logits."""
        return self.values(images, {OUTPUT})[OUTPUT]

    def values(self, images: torch.Tensor, names: Collection[str]) -> dict[str, torch.Tensor]:
        """These values of the graph, by their names; `logits` is its result."""
        wanted = {self._output if name == OUTPUT else name: name for name in names}
        kept: dict[str, torch.Tensor] = {}

        class Keeping(fx.Interpreter):
            def run_node(self, n: fx.Node) -> Any:
                value = super().run_node(n)
                if n.name in wanted:
                    kept[wanted[n.name]] = value.clone()  # a later node may write into the same memory
                return value

        Keeping(self.graph_module).run(images)
        return kept

    def described(self, dtype: str) -> tuple[ValueInfo, ...]:
        """Name, shape (None: dynamic) and type of every tensor that the graph computes, in order."""
        found = []
        for node in self.graph_module.graph.nodes:
            value = node.meta.get("val")
            if node.op == "call_function" and isinstance(value, torch.Tensor):
                shape = tuple(size if isinstance(size, int) else None for size in value.shape)
                kind = dtype if value.is_floating_point() else str(value.dtype).removeprefix("torch.")
                found.append(ValueInfo(OUTPUT if node.name == self._output else node.name, shape, kind))
        return tuple(found)


# The last capture: it takes seconds, and the referee runs the same one in float64.
_captured: dict[tuple[str, str, bool], torch.export.ExportedProgram] = {}


def program_of(make: Callable[[], nn.Module], sha256: str, spec: PreprocessSpec, form: str, *, training: bool) -> Program:
    """Capture a model as `export` does; `training`: as if .eval() had been forgotten. Raises DataError with the exporter's reason.

    `make` gives the model in eval mode, of the checkpoint with this hash.
    """
    if spec.input_size is None:
        raise UsageError("the images have no fixed size, so there is no program", where="load.options.form", next="use form = eager")
    key = (sha256, form, training)
    if key not in _captured:
        _captured.clear()
        try:
            with warnings.catch_warnings():
                # Here it is what was asked for.
                warnings.filterwarnings("ignore", message="Exporting a model while it is in training mode")
                made = capture(make().train(training), torch.zeros(1, 3, *spec.input_size), FORMS[form])
        except torch.onnx.OnnxExporterError as fault:
            raise DataError(f"torch cannot capture the model: {str(fault).splitlines()[0]}", where="load.options.form") from fault
        _captured[key] = made.exported_program
    return Program(_captured[key])
