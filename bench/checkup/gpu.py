"""A GPU, its driver, and whether torch and ONNX Runtime, each by itself, have what they need to use it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.checkup import cure
from bench.checkup.packages import installed
from bench.checkup.row import Row, ask
from bench.runtimes import ort_rust
from contract.protocol import Receipt

DRIVER = Path("/proc/driver/nvidia/version")
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
# A container uses the driver of its host.
INSTALL = "sudo ubuntu-drivers install # Debian: sudo apt-get install nvidia-driver; a container: docker run --gpus all"
ON_CPU = "uvx nox -s train export bench -- --device cpu"
# What torch's own libraries are linked against, and its wheel asks for.
TORCH_LIBRARIES = (
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libcudart.so.13",
    "libcudnn.so.9",
    "libcufft.so.12",
    "libcufile.so.0",
    "libcupti.so.13",
    "libcusolver.so.12",
    "libcusparse.so.12",
    "libcusparseLt.so.0",
    "libnccl.so.2",
    "libnvJitLink.so.13",
    "libnvrtc.so.13",
    "libnvshmem_host.so.3",
)
TORCH, RUNTIME = "CUDA for torch", "CUDA for ONNX Runtime"
RUNNERS = {TORCH: ("torch-eager",), RUNTIME: ("ort-python", "ort-rust")}


def rows(receipts: Mapping[str, Receipt], *, wanted: bool) -> list[Row]:
    """`wanted`: the run asks for CUDA, so that what is lacking is an error. `receipts`: of the runners that started."""
    worst = False if wanted else None
    if shutil.which(QUERY[0]) is None and not DRIVER.exists():
        mend = f"{INSTALL}; or --device cpu" if wanted else ""
        return [Row("GPU", not wanted, "none, and no NVIDIA driver: everything runs on the CPU", mend)]
    return [card(worst), torch(receipts, worst), onnx_runtime(receipts, worst), *others(receipts, worst)]


def card(worst: bool | None) -> Row:
    """The card and its driver, as the driver's own program says."""
    said = ask(*QUERY)
    return Row("GPU", True if said.good else worst, said.line, "" if said.good else f"{INSTALL}; after an update of it: sudo reboot")


def torch(receipts: Mapping[str, Receipt], worst: bool | None) -> Row:
    """Its wheel, its libraries, and what its runner says."""
    version = installed("torch")
    if version is None:
        return Row(TORCH, worst, "torch is not installed", cure.sync())
    if version.endswith("+cpu"):
        # For uv, 2.15.0+cpu is the 2.15.0 that the lock asks for.
        return Row(TORCH, worst, f"torch {version} is built without CUDA", cure.sync("--reinstall-package torch"))
    return usable(TORCH, TORCH_LIBRARIES, receipts, worst)


def onnx_runtime(receipts: Mapping[str, Receipt], worst: bool | None) -> Row:
    """The wheel that has CUDA, the libraries that it wants, and what the runners say."""
    if installed("onnxruntime-gpu") is None:
        made = platform.machine() in ("x86_64", "AMD64")
        mend = cure.sync("--reinstall-package onnxruntime-gpu") if made else ON_CPU
        where = "not installed" if made else f"not made for {platform.machine()}"
        return Row(RUNTIME, worst, f"the wheel onnxruntime-gpu is {where}, and the other has no CUDA", mend)
    return usable(RUNTIME, ort_rust.CUDA_LIBRARIES, receipts, worst)


def usable(what: str, libraries: tuple[str, ...], receipts: Mapping[str, Receipt], worst: bool | None) -> Row:
    """The libraries in the installed wheels, then its runners by their own word."""
    there = {path.name for path in ort_rust.cuda_libraries(libraries)}
    absent = [name for name in libraries if name not in there]
    if absent:
        # Files may be gone of wheels that count as installed: a plain sync would see nothing to do.
        return Row(what, worst, f"not installed: {', '.join(absent)}", cure.sync("--reinstall"))
    asked = [name for name in RUNNERS[what] if name in receipts]
    lacking = [name for name in asked if "cuda" not in receipts[name].providers]
    said = f"all {len(libraries)} libraries are in the installed wheels"
    if lacking:
        mend = f"{INSTALL}; CUDA 13 takes driver 580 or newer; or --device cpu"
        return Row(what, worst, f"cannot be used by {', '.join(lacking)}, though {said}", mend)
    tried = f"can be used by {', '.join(asked)}" if asked else "none of its runners was there to try"
    return Row(what, True, f"{said}; {tried}")


def others(receipts: Mapping[str, Receipt], worst: bool | None) -> list[Row]:
    """Runtimes of other libraries: one that lacks CUDA keeps the whole run on the CPU."""
    ours = {name for names in RUNNERS.values() for name in names}
    lacking = [name for name, receipt in receipts.items() if name not in ours and "cuda" not in receipt.providers]
    return [Row(f"CUDA for {name}", worst, "it cannot use CUDA", f"{ON_CPU} # or --without {name}") for name in lacking]
