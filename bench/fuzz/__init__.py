"""Differential fuzzing of decoders: fresh Pillow against infer_rs on the same damaged files."""
