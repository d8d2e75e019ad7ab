"""A toy runtime in this process: six functions on small arrays, any of which may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.ledger.stages import ARRAYS, Said
from bench.ledger.walk import Walk, walk
from contract.errors import DataError

NAMES = ("ant", "bee", "cat", "dog", "eel")
TOLERANCE = 1e-3
WEIGHTS = np.random.default_rng(5).standard_normal((3 * 4 * 4, len(NAMES)))
Step = Callable[[np.ndarray], np.ndarray]


def model(tensor: np.ndarray) -> np.ndarray:
    return (tensor.reshape(-1) @ WEIGHTS.astype(np.float32)).astype(np.float32)


RIGHT: dict[str, Step] = {
    "decode": lambda image: image,
    "orient": lambda image: image,
    "resize": lambda image: image[::2, ::2],
    "crop": lambda image: image[1:5, 1:5],
    "normalise": lambda image: (image.transpose(2, 0, 1) / 255).astype(np.float32),
    "logits": model,
}
# Each changes what its stage makes, and keeps its shape.
WRONG: dict[str, Step] = {
    "decode": lambda image: image[..., ::-1],
    "orient": lambda image: image[:, ::-1],
    "resize": lambda image: image[1::2, 1::2],
    "crop": lambda image: image[:4, :4],
    "normalise": lambda image: (image.transpose(2, 0, 1) / 256).astype(np.float32),
    "logits": lambda tensor: model(tensor) * 1.5 + np.float32([0, 0, 9, 0, 0]),
}


@dataclass
class Toy:
    """`wrong`: the stages that are; `asked`: where it was started."""

    wrong: tuple[str, ...] = ()
    names: tuple[str, ...] = NAMES
    best: Callable[[np.ndarray], int] = lambda logits: int(np.argmax(logits))
    asked: list[str] = field(default_factory=list)

    def run(self, image: np.ndarray, start: str | None = None) -> Said:
        arrays, value = {}, image
        for stage in ARRAYS[ARRAYS.index(start or "decode") :]:
            if stage != start:
                value = np.ascontiguousarray((WRONG if stage in self.wrong else RIGHT)[stage](value))
            arrays[stage] = value
        best = self.best(arrays["logits"])
        return Said(arrays, best, self.names[best], None)

    def ask(self, stage: str, array: np.ndarray) -> Said:
        self.asked.append(stage)
        return self.run(array, stage)

    def walk(self, image: np.ndarray, *, refuses: bool = False) -> Walk:
        return walk(Toy().run(image), None if refuses else self.run(image), self.ask, TOLERANCE, NAMES)


class Picky(Toy):
    """It takes no array that somebody else made of a stage in `wrong`."""

    def ask(self, stage: str, array: np.ndarray) -> Said:
        if stage in self.wrong:
            raise DataError("another size")
        return super().ask(stage, array)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
