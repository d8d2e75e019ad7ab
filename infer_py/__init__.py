"""Runs an ONNX file that describes itself: numpy, Pillow and ONNX Runtime, nothing else."""

from contract import python_version

# Here, because no module of the package is compiled before: an old Python ends with a next step, not with a traceback.
python_version.require()

from contract import telemetry  # noqa: E402 - after the line above

telemetry.off()
