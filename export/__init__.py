"""Turns a checkpoint into ONNX files that describe themselves."""
