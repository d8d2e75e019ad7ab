"""Accuracy with its Wilson score interval."""

from __future__ import annotations

import math

from contract.manifest import Accuracy

Z95 = 1.959963984540054


def accuracy(correct: int, total: int) -> Accuracy:
    """Correct of total with the interval at 95 % (Wilson 1927): unlike the textbook one it stays within 0 and 1."""
    assert 0 <= correct <= total
    assert total > 0
    share, z2 = correct / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return Accuracy(correct, total, 0.0 if correct == 0 else centre - half, 1.0 if correct == total else centre + half)
