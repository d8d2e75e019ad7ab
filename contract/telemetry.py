"""Nobody is told that Concord runs: ONNX Runtime would post it from a thread of its own, unless told before it is loaded not to.

Seen of onnxruntime 1.31.1: without it, and without CI=true, a thread more, and `deviceid` and `onnxruntime.db` below ~/.cache/Microsoft.
"""

import os

DISABLE = "ORT_DISABLE_TELEMETRY"


def off() -> None:
    """For this process and those that it starts, unless its user has said otherwise."""
    os.environ.setdefault(DISABLE, "1")
