"""What is asked of one loaded model: from the image files, in the batch that it can do, tensors compared on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.fleet import Fleet
from bench.parity import batches
from bench.parity.ask import Session, ask_tensors, images_in_parts, images_with_tensors, stored, tensor_in_parts
from bench.parity.compare import Answers, Logits, NotComparable, Problem, equal_images, hear
from bench.parity.reference import FLOOR_IMAGES, Reference
from bench.subject import Subject
from contract.errors import DataError, UsageError
from contract.matrix import Matrix


@dataclass(frozen=True)
class Asking:
    """One loaded model of a subject, and what it is compared with.

    `equal`: per image, whether its tensor is the reference's, where that is known of another variant with the same preprocessing.
    """

    subject: Subject
    session: Session
    fleet: Fleet
    matrix: Matrix
    reference: Reference
    equal: NDArray[np.bool_] | None
    work: Path

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names in the file. Raises UsageError where it has none."""
        if self.session.loaded.classes is None:
            raise UsageError("the file carries no class names", where=str(self.session.model), next="nox -s export")
        return self.session.loaded.classes

    def hear(self, parts: Iterable[Logits]) -> Answers:
        """Answers for all images, compared with the reference's."""
        return hear(parts, self.classes, partial(stored, self.reference.logits))


@dataclass(frozen=True)
class Asked:
    """What was said of the image files at the batch that could be asked, which tensors are the reference's, and what is wrong with that."""

    batch: int
    answers: Answers
    equal: NDArray[np.bool_]
    problems: list[Problem]


def from_files(asking: Asking, *, static: bool) -> Asked:
    """Ask with the image files: a dynamic file that can do batch 1 only is judged, and bad."""
    if static:
        return _at(asking, 1)
    try:
        return _at(asking, batches.MAIN_BATCH)
    except NotComparable:
        raise
    except (UsageError, DataError) as fault:
        said = f"a dynamic file fails at batch {batches.MAIN_BATCH}, and not at batch 1: {fault.what}"
        return _at(asking, 1, Problem("batches", said))


def _at(asking: Asking, batch: int, *problems: Problem) -> Asked:
    session, reference, work = asking.session, asking.reference, asking.work
    if asking.equal is not None:
        return Asked(batch, asking.hear(images_in_parts(session, reference.paths, batch, work)), asking.equal, [*problems])
    equal: list[NDArray[np.bool_]] = []

    def parts() -> Iterator[Logits]:
        start = 0
        for tensors, logits in images_with_tensors(session, reference.paths, batch, work):
            equal.append(equal_images(tensors, stored(reference.tensors, start, len(tensors))))
            start += len(tensors)
            yield logits

    answers = asking.hear(parts())
    return Asked(batch, answers, np.concatenate(equal), [*problems])


def from_tensors(asking: Asking, batch: int) -> Answers:
    """Ask with the reference's own tensors."""
    return asking.hear(tensor_in_parts(asking.session, asking.reference.tensors, batch, asking.work))


def first_equal(session: Session, reference: Reference, work: Path) -> NDArray[np.bool_]:
    """Per image, of the first ones, whether the runtime's own preprocessing gives the reference's tensor to the last bit."""
    (made,) = ask_tensors(session, reference.paths[:FLOOR_IMAGES], work)
    return equal_images(made, stored(reference.tensors, 0, len(made)))
