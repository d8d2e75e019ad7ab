"""A session of ONNX Runtime's C API: forwards read from and write to arrays that the caller made."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.errors import DataError
from infer_py.capi import Library, Pointer
from infer_py.session import SPINNING, ZERO_DENORMALS, Options

LEVELS = {"disabled": 0, "basic": 1, "extended": 2, "all": 99}
ARENA_ALLOCATOR, DEFAULT_MEMORY, FLOAT32 = 1, 0, 1
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Value:
    """An input or output, told as the extension tells it: a dynamic dimension is None."""

    name: str
    shape: tuple[int | None, ...]
    type: str


class Described(Protocol):
    """An output of any session."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Its dimensions; a dynamic one is None."""


class Session:
    """A session on the CPU. It has what infer_py.model asks of one: `run`, `get_inputs`, `get_outputs`."""

    def __init__(self, library: Library, model: Path, options: Options) -> None:
        self._library, self._session = library, Pointer()
        settings = library.made("CreateSessionOptions", Pointer)
        try:
            for name, *values in _settings(options):
                library.call(name, settings, *values)
            self._session = library.made("CreateSession", Pointer, library.environment, ctypes.c_char_p(bytes(model)), settings)
        finally:
            library.function("ReleaseSessionOptions")(settings)
        self._memory = library.made("CreateCpuMemoryInfo", Pointer, ctypes.c_int(ARENA_ALLOCATOR), ctypes.c_int(DEFAULT_MEMORY))
        self._run = library.function("Run")
        self._inputs, self._outputs = self._values("Input"), self._values("Output")

    def __del__(self) -> None:
        if self._session:
            self._library.function("ReleaseSession")(self._session)

    def get_inputs(self) -> list[Value]:
        """All of them, in order."""
        return self._inputs

    def get_outputs(self) -> list[Value]:
        """All of them, in order."""
        return self._outputs

    def run(self, names: Sequence[str] | None, feed: dict[str, Array]) -> list[Array]:
        """One forward, as the extension's `run` makes it. Raises DataError where it fails, or an output's size is not known beforehand."""
        answers = []
        for name in names or [value.name for value in self._outputs]:
            ((given, images),) = feed.items()
            answers.append(buffer(self._outputs, name, len(images)))
            self.check(self.bound((given, images), (name, answers[-1]))())
        return answers

    def bound(self, given: tuple[str, Array], wanted: tuple[str, Array]) -> Callable[[], int | None]:
        """A call of `Run` that is ready but for being made: from the one array into the other; it returns a status for `check`."""
        values = [_Tensor(self._library, self._memory, array) for _, array in (given, wanted)]
        names = [(ctypes.c_char_p * 1)(name.encode()) for name, _ in (given, wanted)]
        places = [(Pointer * 1)(value.pointer) for value in values]
        one, run = ctypes.c_size_t(1), self._run
        arguments = (self._session, Pointer(), names[0], places[0], one, names[1], one, places[1])

        def call(_kept_alive: object = (self, values)) -> int | None:
            status: int | None = run(*arguments)
            return status

        return call

    def check(self, status: int | None) -> None:
        """Look at the status of a call. Raises DataError."""
        self._library.check(status)

    def _values(self, side: str) -> list[Value]:
        count = self._library.made(f"SessionGet{side}Count", ctypes.c_size_t, self._session)
        return [self._value(side, ctypes.c_size_t(index)) for index in range(count.value)]

    def _value(self, side: str, index: ctypes.c_size_t) -> Value:
        library = self._library
        allocator = library.made("GetAllocatorWithDefaultOptions", Pointer)
        text = library.made(f"SessionGet{side}Name", Pointer, self._session, index, allocator)
        name = ctypes.string_at(text.value or 0).decode()
        library.call("AllocatorFree", allocator, text)
        about = library.made(f"SessionGet{side}TypeInfo", Pointer, self._session, index)
        tensor = library.made("CastTypeInfoToTensorInfo", Pointer, about)
        kind = library.made("GetTensorElementType", ctypes.c_int, tensor).value
        rank = library.made("GetDimensionsCount", ctypes.c_size_t, tensor)
        sizes = (ctypes.c_int64 * rank.value)()
        library.call("GetDimensions", tensor, sizes, rank)
        library.function("ReleaseTypeInfo")(about)
        shape = tuple(size if size >= 0 else None for size in sizes)
        return Value(name, shape, "tensor(float)" if kind == FLOAT32 else f"element type {kind}")


def buffer(outputs: Sequence[Described], name: str, batch: int = 1) -> Array:
    """An array for an output, which holds no answer yet. Raises DataError where its size is not known beforehand."""
    shape = next((value.shape for value in outputs if value.name == name), (None, None))
    sizes = (batch, *(size for size in shape[1:] if size is not None))
    if len(sizes) != len(shape):
        raise DataError(f"there is no output '{name}' of a fixed size", where="split", next="take a model whose logits have one")
    return np.full(sizes, np.nan, np.float32)


class _Tensor:
    """An OrtValue over an array, which it keeps alive."""

    def __init__(self, library: Library, memory: Pointer, array: Array) -> None:
        self._library, self._array = library, array
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        place = Pointer(array.ctypes.data), ctypes.c_size_t(array.nbytes), shape, ctypes.c_size_t(array.ndim)
        self.pointer = library.made("CreateTensorWithDataAsOrtValue", Pointer, memory, *place, ctypes.c_int(FLOAT32))

    def __del__(self) -> None:
        self._library.function("ReleaseValue")(self.pointer)


def _settings(options: Options) -> list[tuple[Any, ...]]:
    """The same as those of a session of the extension (infer_py.session)."""
    text = {SPINNING: str(int(options.spinning)), ZERO_DENORMALS: "0"}
    return [
        ("SetIntraOpNumThreads", ctypes.c_int(options.threads)),
        ("SetInterOpNumThreads", ctypes.c_int(options.inter_threads)),
        ("SetSessionGraphOptimizationLevel", ctypes.c_int(LEVELS[options.optimization])),
        ("EnableCpuMemArena" if options.arena else "DisableCpuMemArena",),
        ("EnableMemPattern" if options.memory_pattern else "DisableMemPattern",),
        *(("AddSessionConfigEntry", ctypes.c_char_p(key.encode()), ctypes.c_char_p(value.encode())) for key, value in text.items()),
    ]
