"""OpenVINO as a runtime: the worked example of docs/adding-a-runtime.md."""

import sys

# `import openvino` sends an event to Google Analytics, from a process of its own beside whatever is measured, and writes an id into the
# user's home: everywhere but in CI, unless the user has refused. It does neither where this package of it cannot be imported.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
