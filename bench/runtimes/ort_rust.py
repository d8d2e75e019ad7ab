"""ort-rust: the binary of infer_rs, on the very libonnxruntime that the onnxruntime wheel ships."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from bench.runtimes import Descriptor
from contract.artifact import source_hash
from contract.errors import EnvironmentFault
from contract.layout import CHECKOUT

CRATE = CHECKOUT / "infer_rs"
BINARY = CRATE / "target" / "release" / ("infer-rs.exe" if sys.platform == "win32" else "infer-rs")
# ONNX Runtime's own loading order (onnxruntime/__init__.py, preload_dlls); cuDNN loads its parts itself.
CUDA_LIBRARIES = (
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libnvrtc.so.13",
    "libcurand.so.10",
    "libcufft.so.12",
    "libcudart.so.13",
    "libcudnn.so.9",
)


def crate_source() -> str:
    """Hash of the crate's sources, as infer_rs/build.rs makes it at build time."""
    files = [CRATE / name for name in ("Cargo.toml", "Cargo.lock", "build.rs")]
    return source_hash(CRATE, files + [path for path in (CRATE / "src").rglob("*") if path.is_file()])


def library() -> Path:
    """The ONNX Runtime library inside the installed wheel. Raises EnvironmentFault."""
    spec = importlib.util.find_spec("onnxruntime")
    folder = Path(spec.origin).parent / "capi" if spec and spec.origin else None
    names = ("libonnxruntime.so.*", "libonnxruntime.*.dylib", "onnxruntime.dll")
    found = sorted(path for name in names for path in (folder.glob(name) if folder else []))
    if not found:
        raise EnvironmentFault("the onnxruntime wheel with its library is not installed", where="ort-rust", next="nox -s doctor")
    return found[-1].resolve()


def cuda_libraries(names: tuple[str, ...] = CUDA_LIBRARIES) -> list[Path]:
    """NVIDIA's libraries from the installed wheels, in this order; the default is the one in which ONNX Runtime must have them loaded."""
    spec = importlib.util.find_spec("nvidia")
    roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return [path for name in names for root in roots for path in sorted(root.glob(f"*/lib/{name}"))[:1]]


def command(providers: tuple[str, ...]) -> list[str]:
    """Command line of the runner. Raises EnvironmentFault when it has not been built."""
    if not BINARY.is_file():
        raise EnvironmentFault(
            "the Rust binary is not built", where=str(BINARY.relative_to(CHECKOUT)), next="nox -s build, or --without ort-rust"
        )
    preload = [part for path in cuda_libraries() for part in ("--preload", str(path))] if "cuda" in providers else []
    return [str(BINARY), "--ort-lib", str(library()), *preload, "serve"]


DESCRIPTOR = Descriptor(name="ort-rust", command=command, source=crate_source, library="onnxruntime")
