"""ONNX Runtime's C API through ctypes: the functions of a libonnxruntime that is given by its path.

The functions stand in the table `OrtApi` (onnxruntime_c_api.h) in an order that no release changes: new ones are added at its end.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from contract.errors import DataError, EnvironmentFault

# The level whose functions are used here; a library has all levels up to its own release.
API_LEVEL = 20
PLACES = {
    "GetErrorMessage": 2, "CreateEnv": 3, "CreateSession": 7, "Run": 9, "CreateSessionOptions": 10, "EnableMemPattern": 16,
    "DisableMemPattern": 17, "EnableCpuMemArena": 18, "DisableCpuMemArena": 19, "SetSessionGraphOptimizationLevel": 23,
    "SetIntraOpNumThreads": 24, "SetInterOpNumThreads": 25, "SessionGetInputCount": 30, "SessionGetOutputCount": 31,
    "SessionGetInputTypeInfo": 33, "SessionGetOutputTypeInfo": 34, "SessionGetInputName": 36, "SessionGetOutputName": 37,
    "CastTypeInfoToTensorInfo": 55, "GetTensorElementType": 60, "GetDimensionsCount": 61, "GetDimensions": 62, "AllocatorFree": 76,
    "GetAllocatorWithDefaultOptions": 78, "ReleaseTypeInfo": 98, "CreateTensorWithDataAsOrtValue": 49, "CreateCpuMemoryInfo": 69,
    "ReleaseStatus": 93, "ReleaseSession": 95, "ReleaseValue": 96, "ReleaseSessionOptions": 100, "AddSessionConfigEntry": 130,
    "GetBuildInfoString": 254,
}  # fmt: skip
TEXT = {"GetErrorMessage", "GetBuildInfoString"}
ERRORS_ONLY = 3
Pointer = ctypes.c_void_p
T = TypeVar("T")


class _Base(ctypes.Structure):
    _fields_ = (("GetApi", ctypes.CFUNCTYPE(Pointer, ctypes.c_uint32)), ("GetVersionString", ctypes.CFUNCTYPE(ctypes.c_char_p)))


@dataclass(frozen=True)
class Library:
    """An open libonnxruntime with its one environment."""

    path: Path
    version: str
    build_info: str
    environment: Pointer
    _table: Any

    def function(self, name: str) -> Callable[..., Any]:
        """A function of the table; those that can fail return a status, which `call` looks at."""
        # Without types of arguments: all that is passed are ctypes objects, each of its own type.
        return ctypes.CFUNCTYPE(ctypes.c_char_p if name in TEXT else Pointer)(self._table[PLACES[name]])

    def call(self, name: str, *arguments: object) -> None:
        """Call a function that can fail. Raises DataError with ONNX Runtime's message."""
        self.check(self.function(name)(*arguments))

    def made(self, name: str, kind: Callable[[], T], *arguments: object) -> T:
        """What a function that can fail writes through its last argument. Raises DataError."""
        place = kind()
        self.call(name, *arguments, ctypes.byref(place))  # type: ignore[arg-type] # every kind is one of ctypes
        return place

    def check(self, status: int | None) -> None:
        """Look at a status. Raises DataError with ONNX Runtime's message."""
        if status:
            said = self.function("GetErrorMessage")(Pointer(status)).decode(errors="replace").splitlines()[0]
            self.function("ReleaseStatus")(Pointer(status))
            raise DataError(f"ONNX Runtime failed: {said[:300]}", where=str(self.path))


@cache
def open_library(path: Path) -> Library:
    """Open a library, once. Raises EnvironmentFault when it is none, or too old."""
    try:
        handle = ctypes.CDLL(str(path))
        handle.OrtGetApiBase.restype = ctypes.POINTER(_Base)
    except (OSError, AttributeError) as fault:
        raise EnvironmentFault(
            f"is no ONNX Runtime library: {fault}", where=str(path), next="name libonnxruntime.so of the wheel"
        ) from fault
    base = handle.OrtGetApiBase().contents
    table = base.GetApi(API_LEVEL)
    if not table:
        raise EnvironmentFault(f"has no API of level {API_LEVEL}", where=str(path), next="install a newer onnxruntime")
    functions = ctypes.cast(table, ctypes.POINTER(Pointer))
    version = base.GetVersionString().decode()
    unborn = Library(path, version, "", Pointer(), functions)
    environment = unborn.made("CreateEnv", Pointer, ctypes.c_int(ERRORS_ONLY), ctypes.c_char_p(b"infer_py"))
    return Library(path, version, unborn.function("GetBuildInfoString")().decode(), environment, functions)
