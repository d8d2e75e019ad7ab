"""The receipt: what this runner is, said by the libraries that it has loaded."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision
from PIL import features

from contract import artifact, machine, process
from contract.protocol import PROTOCOL, Receipt

SOURCE = artifact.package_hash("train", "contract")  # of the files that were just imported, not of later ones


def receipt() -> Receipt:
    """Who answers here."""
    library = loaded_library()
    return Receipt(
        protocol=PROTOCOL,
        runtime="torch-eager",
        version=torch.__version__,
        commit=torch.version.git_version,
        library=str(library),
        library_sha256=_sha256(library),
        source=SOURCE,
        build=f"python {platform.python_version()}",
        threads=machine.usable_threads(),
        providers=("cuda", "cpu") if torch.cuda.is_available() else ("cpu",),
        jpeg=_jpeg(),
        jpeg_simd=None,
        cpu_flags=tuple(machine.cpu_flags()),
        process=process.facts("debug" if torch.version.debug else "release"),
        packages={"torchvision": torchvision.__version__, "pillow": PIL.__version__, "numpy": np.__version__},
        pid=os.getpid(),
    )


def loaded_library() -> Path:
    """The shared library with torch's CPU kernels, as it is mapped into this process where the system can tell."""
    folder = Path(torch.__file__).parent / "lib"
    names = {"linux": "libtorch_cpu.so", "darwin": "libtorch_cpu.dylib"}
    name = names.get(platform.system().lower(), "torch_cpu.dll")
    maps = Path("/proc/self/maps")
    if maps.is_file():
        for line in maps.read_text().splitlines():
            if line.endswith(f"/{name}"):
                return Path(line.split(maxsplit=5)[5])
    return folder / name


@cache
def _sha256(path: Path) -> str:
    return artifact.sha256_file(path)


def _jpeg() -> str:
    turbo = features.version_feature("libjpeg_turbo")
    return f"libjpeg-turbo {turbo} (Pillow)" if turbo else f"libjpeg {features.version_codec('jpg')} (Pillow)"
