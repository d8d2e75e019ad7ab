"""Parity of any ONNX file with a torchvision model or with another ONNX file, on a folder of images."""
