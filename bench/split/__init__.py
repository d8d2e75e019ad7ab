"""Python against Rust on one ONNX file, split into steps: a chain of programs of which each differs from the one before in one thing."""
