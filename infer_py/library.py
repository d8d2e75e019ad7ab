"""What a loaded model needs of the library that executes it: infer_py.session is ONNX Runtime, docs/examples/openvino_runner another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


class Value(Protocol):
    """An input or output of a session."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shape(self) -> Sequence[object]:
        """Its dimensions; a dynamic one is no integer."""

    @property
    def type(self) -> str:
        """Its type as ONNX Runtime writes it: `tensor(float)`."""


Values = Sequence[Value]


class Library(Protocol):
    """A module that makes sessions: these have `run(names, feed)`, `get_inputs()` and `get_outputs()`, as ONNX Runtime's have."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a module's constant
        """What its errors call it."""

    @property
    def FAULTS(self) -> tuple[type[Exception], ...]:  # noqa: N802
        """What a forward raises that fails."""

    def said(self, fault: BaseException) -> str:
        """One line of what such an error says."""

    def timed_create(self, model: Path, provider: str, options: Any) -> tuple[Any, int]:
        """A session, and the nanoseconds that it took."""

    def with_outputs(self, model: Path, added: tuple[str, ...], provider: str, options: Any) -> Any:
        """A session of the model with these values of its graph among its outputs."""
