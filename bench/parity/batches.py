"""Batches of other sizes and in other orders: an answer must not depend on what else is asked together with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.parity import compare
from bench.parity.ask import LOGITS, Question, Session, ask_tensor
from contract.errors import DataError, UsageError
from contract.matrix import Matrix

# The batch that dynamic variants are asked with in the order of the images, and those that must give the same answers in any other.
MAIN_BATCH, SIZES = 8, (1, 2, 3, 7, 8)
SEED = 5


def sizes(matrix: Matrix) -> tuple[int, ...]:
    """The sizes that are asked: 1, 2, 3, 7, 8, and the largest that is measured, where it is larger than these."""
    largest = max((batch for scenario in matrix.chosen("scenario") for batch in scenario.batches), default=1)
    return (*SIZES, *([largest] if largest > MAIN_BATCH else []))


def asked(matrix: Matrix, images: int, *, slow: bool) -> dict[int, int]:
    """How many images are asked with batches of each size: all of the first ones, or one batch where each image costs much.

    A batch that is larger than there are images gets some of them twice: a smaller one would be asked in its place.
    """
    return {size: size if slow or size > images else images for size in sizes(matrix)}


def moved(
    session: Session, matrix: Matrix, tensors: Path, expected: compare.Logits, work: Path, *, slow: bool
) -> tuple[dict[str, float], list[compare.Problem]]:
    """Largest difference of a logit from `expected`, per size, each in a seeded order of its own that puts other images together.

    `tensors`: a .npy of N x 3 x H x W, `expected`: its logits, asked MAIN_BATCH at a time in the order of the file. Each size is asked
    whole batches and what is left over, or one batch (`asked`). One order a size finds whatever depends on the size, the place in the
    batch, or the company. A size that the file cannot answer is a problem, and has no difference.
    """
    random = np.random.default_rng(SEED)
    orders = {size: np.resize(random.permutation(len(expected)), count) for size, count in asked(matrix, len(expected), slow=slow).items()}
    ready: compare.Tensors = np.load(tensors, mmap_mode="r")
    # Two files in turn: one is made while the other is read.
    files = [tensors.with_name(f"{tensors.stem}-permuted-{number}.npy") for number in (0, 1)]

    def questions(left: Sequence[int]) -> Iterator[Question]:
        for number, size in enumerate(left):
            np.save(files[number % 2], ready[orders[size]])
            yield Question((LOGITS,), size, len(orders[size]), tensor=files[number % 2])

    found: dict[str, float] = {}
    problems: list[compare.Problem] = []
    left = list(orders)
    while left:
        try:
            for (said,) in session.replies(questions(tuple(left)), work):
                size = left.pop(0)
                right = expected[orders[size]]
                if said.shape != right.shape or not np.isfinite(said).all():
                    what = "are not finite" if said.shape == right.shape else f"have the shape {said.shape}, not {right.shape}"
                    problems.append(compare.Problem("batches", f"at batch {size} the answers {what}"))
                else:
                    found[str(size)] = float(compare.differences(said, right).max())
        except (UsageError, DataError) as fault:
            # The sizes after it are asked anew.
            problems.append(compare.Problem("batches", f"a dynamic file fails at batch {left.pop(0)}: {fault.what}"))
    for file in files:
        file.unlink(missing_ok=True)
    return found, problems


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
