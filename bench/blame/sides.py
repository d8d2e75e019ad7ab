"""The two sides of a comparison: each gives any of its values for one image, asked of a runner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import onnx

from bench.blame import cut
from bench.blame.search import Array
from bench.fleet import Fleet
from bench.parity.ask import SECONDS_AT_LEAST, SECONDS_PER_IMAGE, Session, read_answers
from contract.protocol import PredictArgs


class Side(Protocol):
    """Values by name, for the one image that the side was made for."""

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """These values. Raises RunnerError."""


class Counted(Side, Protocol):
    """A side that opens a session for each question."""

    sessions: int


class ProgramSide:
    """A program in the reference's runner: it stays loaded, and a question costs one forward. A context manager."""

    def __init__(self, fleet: Fleet, session: Session, image: Path, work: Path) -> None:
        self._fleet, self._session, self._image, self._work = fleet, session, image, work
        self.shapes = {value.name: value.shape for value in session.loaded.outputs}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._session.__exit__(kind, error, trace)

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """These values."""
        self._fleet.only(self._session.runtime)
        return ask(self._session, self._image, names, self._work)


class FileSide:
    """An ONNX file in a runtime. Each question loads the part of the file that answers it: one session, of the size of that part.

    To ask one session for more outputs would hold all weights once more for each, and compute what comes after.
    """

    def __init__(self, fleet: Fleet, runtime: str, model: onnx.ModelProto, provider: str, image: Path, work: Path) -> None:
        self._fleet, self._runtime, self._model, self._provider = fleet, runtime, model, provider
        self._image, self._work = image, work
        self.sessions = 0

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """These values, from a session of their own."""
        self.sessions += 1
        part = self._work / f"{self._runtime}-part.onnx"
        part.write_bytes(cut.upto(self._model, names).SerializeToString())
        try:
            with Session(self._fleet, self._runtime, part, self._provider) as session:
                return ask(session, self._image, names, self._work)
        finally:
            part.unlink(missing_ok=True)


def ask(session: Session, tensor: Path, names: Sequence[str], work: Path) -> dict[str, Array]:
    """Named values of a loaded model for one image (.npy, 1 x 3 x H x W). Raises RunnerError when they cannot be read."""
    out = work / f"{session.runtime}-values.npz"
    asked = PredictArgs(session.loaded.id, None, str(tensor), 1, tuple(names), str(out))
    session.runner.predict(asked, SECONDS_AT_LEAST + SECONDS_PER_IMAGE)
    return read_answers(out, names, f"{session.runtime}: predict")


def one_image(tensors: Path, index: int, work: Path) -> Path:
    """The image's tensor as a file of its own."""
    path = work / "blame-image.npy"
    np.save(path, np.load(tensors, mmap_mode="r")[index : index + 1])
    return path
