"""The receipt of the runner `openvino`, said by what is loaded."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import numpy as np
import openvino
import PIL

from contract.artifact import package_hash, sha256_file
from contract.machine import cpu_flags, usable_threads
from contract.process import MAPS, facts
from contract.protocol import PROTOCOL, Receipt
from docs.examples.openvino_runner.session import DEVICE, core
from infer_py.decoder import jpeg, jpeg_simd

RUNTIME, SOURCE = "openvino", ("docs/examples/openvino_runner", "infer_py", "contract")
PLUGIN = "openvino_intel_cpu_plugin"
# What the plugin says of its build: "2026.4.1-22982-e213a147257-releases/2026/4".
BUILD = re.compile(r"(?P<version>[0-9.]+)-[0-9]+-(?P<commit>[0-9a-f]{7,40})\b")


def receipt() -> Receipt:
    """Who answers here."""
    version, commit = build(core().get_versions(DEVICE)[DEVICE].build_number)
    library = plugin()
    return Receipt(
        protocol=PROTOCOL,
        runtime=RUNTIME,
        version=version,
        commit=commit,
        library=str(library),
        library_sha256=sha256_file(library),
        source=package_hash(*SOURCE),
        build=f"python {platform.python_version()}",
        threads=usable_threads(),
        providers=("cpu",),
        jpeg=jpeg(),
        jpeg_simd=jpeg_simd(),
        cpu_flags=tuple(cpu_flags()),
        # OpenVINO does not say whether it was built for release: the key is absent.
        process=facts(None),
        packages={"numpy": np.__version__, "pillow": PIL.__version__},
        pid=os.getpid(),
    )


def build(number: str) -> tuple[str, str | None]:
    """Version and commit of a build number; where it is none of a release, all of it is the version."""
    match = BUILD.match(number)
    return (match["version"], match["commit"]) if match else (number, None)


def plugin() -> Path:
    """The shared library whose kernels execute models: the one that is mapped, or, where nobody says, the one in the package."""
    if MAPS.is_file():
        (mapped,) = {line.split(maxsplit=5)[-1] for line in MAPS.read_text().splitlines() if PLUGIN in line}
        return Path(mapped)
    (found,) = (Path(openvino.__file__).parent / "libs").glob(f"*{PLUGIN}.*")
    return found
