"""The tiny models and images of tests/infer_py."""

from tests.infer_py.conftest import build, photo, tensor

__all__ = ["build", "photo", "tensor"]
