"""All seeded faults: importing a module of them registers what it holds."""

from __future__ import annotations

from bench.faults import models, pixels, replies, tensors
from bench.faults.catalogue import FAULTS

__all__ = ["FAULTS", "models", "pixels", "replies", "tensors"]
