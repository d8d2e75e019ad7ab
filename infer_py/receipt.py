"""The receipt: what this runner is, said by the libraries that are loaded in it."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import PIL
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from contract.artifact import package_hash, sha256_file
from contract.errors import ConcordError
from contract.machine import cpu_flags, usable_threads
from contract.process import facts
from contract.protocol import PROTOCOL, Receipt
from infer_py import onnx_file, session
from infer_py.decoder import jpeg, jpeg_simd


def receipt() -> Receipt:
    """Who answers here."""
    library = Path(ort.__file__)
    return Receipt(
        protocol=PROTOCOL,
        runtime="ort-python",
        version=onnxruntime.__version__,
        commit=commit(onnxruntime.get_build_info()),
        library=str(library),
        library_sha256=sha256_file(library),
        source=package_hash("infer_py", "contract"),
        build=f"python {platform.python_version()}",
        threads=usable_threads(),
        providers=providers(),
        jpeg=jpeg(),
        jpeg_simd=jpeg_simd(),
        cpu_flags=tuple(cpu_flags()),
        process=facts(library_profile(onnxruntime.get_build_info())),
        packages={"numpy": np.__version__, "pillow": PIL.__version__},
        pid=os.getpid(),
    )


def commit(build_info: str) -> str | None:
    """The commit in ONNX Runtime's build info, or None."""
    match = re.search(r"git-commit-id=([0-9a-f]+)", build_info)
    return match[1] if match else None


def library_profile(build_info: str) -> str:
    """How ONNX Runtime was built, `Release` or `Debug`, by its build info; `unknown` where that does not say."""
    match = re.search(r"build type=(\w+)", build_info)
    return match[1] if match else "unknown"


@cache
def providers() -> tuple[str, ...]:
    """Providers that really create a session here: the wheel lists CUDA on machines without any."""
    return ("cuda", "cpu") if _cuda_driver() and _runs_on("cuda") else ("cpu",)


def _cuda_driver() -> bool:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return False
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return bool(driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0)


def _runs_on(provider: str) -> bool:
    try:
        session.create(smallest_model(), provider, session.Options(threads=1))
    except ConcordError:
        return False
    return True


def smallest_model() -> bytes:
    """An ONNX model of one Relu on float32 [1], assembled by hand: no onnx package here."""
    wrap = onnx_file.delimited
    shape = wrap(2, wrap(1, bytes([0x08, 1])))  # one dimension of size 1
    kind = wrap(2, wrap(1, bytes([0x08, 1]) + shape))  # float32
    node = wrap(1, b"x") + wrap(2, b"y") + wrap(4, b"Relu")
    graph = wrap(1, node) + wrap(2, b"relu") + wrap(11, wrap(1, b"x") + kind) + wrap(12, wrap(1, b"y") + kind)
    return bytes([0x08, 8]) + wrap(7, graph) + wrap(8, bytes([0x10, 17]))
