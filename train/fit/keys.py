"""Random numbers as a function of what they are for: going on after an interruption needs no generator state."""

from __future__ import annotations

import hashlib

import torch


def key(*parts: object) -> int:
    """63 bits from the seed and what the numbers are for, such as `key(seed, "augment", epoch, index)`."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A generator of its own for these parts."""
    return torch.Generator().manual_seed(key(*parts))
