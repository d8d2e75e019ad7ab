"""A GPU, its driver, and the CUDA libraries that torch and ONNX Runtime need for it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.checkup.packages import SYNC
from bench.checkup.row import Row, ask
from bench.runtimes import ort_rust
from contract.protocol import Receipt

DRIVER = Path("/proc/driver/nvidia/version")
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def rows(receipts: Mapping[str, Receipt], *, wanted: bool) -> list[Row]:
    """`wanted`: the run asks for CUDA, so that what is lacking is an error. `receipts`: of the runners that started."""
    worst = False if wanted else None
    if shutil.which(QUERY[0]) is None and not DRIVER.exists():
        cure = "install NVIDIA's driver, or --device cpu" if wanted else ""
        return [Row("GPU", not wanted, "none, and no NVIDIA driver: everything runs on the CPU", cure)]
    return [card(worst), libraries(worst), *use(receipts, worst)]


def card(worst: bool | None) -> Row:
    """The card and its driver, as the driver's own program says."""
    said = ask(*QUERY)
    return Row("GPU", True if said.good else worst, said.line, "" if said.good else "nvidia-smi must work: install the driver again")


def libraries(worst: bool | None) -> Row:
    """CUDA's libraries from the wheels that torch and ONNX Runtime bring."""
    found = {path.name for path in ort_rust.cuda_libraries()}
    absent = [name for name in ort_rust.CUDA_LIBRARIES if name not in found]
    if absent:
        return Row("CUDA libraries", worst, f"not installed: {', '.join(absent)}", SYNC)
    return Row("CUDA libraries", True, f"{len(found)} from the installed wheels")


def use(receipts: Mapping[str, Receipt], worst: bool | None) -> list[Row]:
    """Which runtimes could use it, by their own word."""
    if not receipts:
        return []
    lacking = [name for name, receipt in receipts.items() if "cuda" not in receipt.providers]
    cure = "nvidia-smi must work, and its CUDA version be no older than the wheels'; otherwise --device cpu"
    said = f"cannot be used by {', '.join(lacking)}" if lacking else f"can be used by {', '.join(receipts)}"
    return [Row("CUDA", worst if lacking else True, said, cure if lacking else "")]
