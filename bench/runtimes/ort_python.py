"""ort-python: the onnxruntime wheel, through infer_py."""

from __future__ import annotations

import sys

from bench.runtimes import Descriptor
from contract.artifact import package_hash

DESCRIPTOR = Descriptor(
    name="ort-python",
    command=lambda _providers: [sys.executable, "-m", "infer_py", "serve"],
    source=lambda: package_hash("infer_py", "contract"),
    library="onnxruntime",
)
