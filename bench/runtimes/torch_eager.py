"""torch-eager: PyTorch, uncompiled, float32. The reference."""

from __future__ import annotations

import sys

from bench.runtimes import Descriptor
from contract.artifact import package_hash

DESCRIPTOR = Descriptor(
    name="torch-eager",
    command=lambda _providers: [sys.executable, "-m", "train", "serve"],
    source=lambda: package_hash("train", "contract"),
    slow_start=True,
)
