"""What other tools would say of the same fault: three common gates, on the same runner and images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.parity.ask import Session, ask_images, ask_tensor
from bench.parity.batches import MAIN_BATCH
from bench.parity.compare import Logits
from bench.parity.reference import Reference

CLOSE, FEW_IMAGES, ACCURACY = 1e-5, 32, 0.01
SEED = 11


@dataclass(frozen=True)
class Others:
    """Whether each of them notices: allclose on a random tensor, top-1 indices on 32 images, accuracy within 1 %."""

    allclose: bool
    top1: bool
    accuracy: bool


def random_tensor(like: Path, work: Path) -> Path:
    """A seeded uniform tensor of one image of the model's size, as converters check with (parity.md 1)."""
    shape = np.load(like, mmap_mode="r").shape
    file = work / "random.npy"
    np.save(file, np.random.default_rng(SEED).random((1, *shape[1:]), dtype=np.float32))
    return file


def ask(
    session: Session, reference: Reference, random: Path, said_on_random: Logits, labels: list[int], static: bool, work: Path
) -> Others:
    """Put the three questions to a loaded session. `labels`: the data set's class index per image. Raises what the session raises."""
    close = np.allclose(ask_tensor(session, random, 1, work), said_on_random, rtol=CLOSE, atol=CLOSE)
    said = ask_images(session, reference.paths, 1 if static else MAIN_BATCH, work).argmax(1)
    expected = reference.answers.top
    drop = np.mean(expected == labels) - np.mean(said == labels)
    return Others(not close, not np.array_equal(said[:FEW_IMAGES], expected[:FEW_IMAGES]), bool(abs(drop) > ACCURACY))
