"""The Rust binary from Python's side: the same pixels, floats and logits to the last bit."""
