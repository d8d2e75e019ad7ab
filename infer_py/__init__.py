"""Runs an ONNX file that describes itself: numpy, Pillow and ONNX Runtime, nothing else."""
