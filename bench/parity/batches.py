"""Batches of other sizes and in other orders: an answer must not depend on what else is asked together with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.parity import compare
from bench.parity.ask import Session, ask_tensor
from contract.errors import UsageError
from contract.matrix import Matrix

# The batch that dynamic variants are asked with, and the others that must give the same answers.
MAIN_BATCH, SIZES = 8, (1, 2, 3, 7)
SEED = 5


def sizes(matrix: Matrix) -> tuple[int, ...]:
    """The sizes beside the main one: 1, 2, 3, 7, and the largest that is measured, where it is larger than these."""
    largest = max((scenario.batch for scenario in matrix.chosen("scenario")), default=1)
    return (*SIZES, *([largest] if largest > MAIN_BATCH else []))


def forwards_per_image(matrix: Matrix) -> int:
    """How often `moved` asks each image."""
    return len(sizes(matrix)) + len(_permuted(matrix))


def moved(session: Session, matrix: Matrix, tensors: Path, expected: compare.Logits, work: Path) -> dict[str, float]:
    """Largest difference of a logit from `expected`, per size, and per size in a permuted order.

    `tensors`: a .npy of N x 3 x H x W, `expected`: its logits, asked MAIN_BATCH at a time in the order of the file. Each size is asked
    whole batches and what is left over; the permuted order is seeded, and puts other images together.
    """
    found = {}
    for size in sizes(matrix):
        found[str(size)] = _difference(ask_tensor(session, tensors, size, work), expected)
    order = np.random.default_rng(SEED).permutation(len(expected))
    mixed = tensors.with_name(f"{tensors.stem}-permuted.npy")
    np.save(mixed, np.load(tensors, mmap_mode="r")[order])
    for size in _permuted(matrix):
        found[f"{size} permuted"] = _difference(ask_tensor(session, mixed, size, work), expected[order])
    mixed.unlink()
    return found


def wrongly_taken(session: Session, tensors: Path, work: Path) -> list[compare.Problem]:
    """What is wrong with a static variant that does not refuse a batch of two with a usage error. `tensors` as in `moved`."""
    two = tensors.with_name(f"{tensors.stem}-two.npy")
    np.save(two, np.load(tensors, mmap_mode="r")[:2])
    try:
        ask_tensor(session, two, 2, work)
    except UsageError:
        return []
    finally:
        two.unlink()
    return [compare.Problem("batches", "a static file answers a batch of 2: it is not what its name says")]


def _permuted(matrix: Matrix) -> tuple[int, ...]:
    # One at a time nothing is together with anything.
    return tuple(sorted({*sizes(matrix), MAIN_BATCH} - {1}))


def _difference(said: compare.Logits, expected: compare.Logits) -> float:
    return float(compare.differences(said, expected).max())
