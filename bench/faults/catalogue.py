"""What a seeded fault is, and the register of all of them: a fault is one function with a decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from contract.errors import UsageError, nearest
from contract.preprocess import PreprocessSpec

Array = NDArray[Any]
Group = Literal["pixels", "tensor", "labels", "model", "runtime"]
Seam = Literal["image", "file", "reply"]


@dataclass(frozen=True)
class Fault:
    """One fault.

    `stage`: where the gate must put the blame (`runtime` for what is no stage of an image). `seam`: `image` changes a stage's array between
    two questions to a real runner, `file` the ONNX file, `reply` a request or reply on its way. `doses`: strongest first; one that has no
    degrees has the dose 1.
    """

    name: str
    group: Group
    stage: str
    seam: Seam
    doses: tuple[float, ...]
    says: str
    apply: Callable[..., Any]


@dataclass(frozen=True)
class Picture:
    """An image on its way: the true arrays of its stages (uint8 H x W x 3, `normalise` float32 3 x H x W), the model's spec, its path."""

    stages: Mapping[str, Array]
    spec: PreprocessSpec
    path: str


FAULTS: dict[str, Fault] = {}
Function = Callable[..., Any]


def fault(group: Group, stage: str, seam: Seam, doses: tuple[float, ...] = (1.0,)) -> Callable[[Function], Function]:
    """Register a function under its own name; its docstring is what the table says."""

    def register(function: Function) -> Function:
        says = (function.__doc__ or "").strip().rstrip(".")
        if function.__name__ in FAULTS or not says:
            raise AssertionError(f"a fault needs a name of its own and a docstring: {function.__name__}")
        FAULTS[function.__name__] = Fault(function.__name__, group, stage, seam, doses, says, function)
        return function

    return register


def find(name: str, faults: Mapping[str, Fault]) -> Fault:
    """The fault of that name. Raises UsageError with the nearest known one."""
    if name not in faults:
        raise UsageError(
            f"unknown fault '{name}'; {nearest(name, faults)}", where="--fault", next="choose one of the table in METHODOLOGY.md"
        )
    return faults[name]
