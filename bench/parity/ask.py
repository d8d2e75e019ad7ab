"""Questions to a runner for parity: a loaded session, and its logits or tensors as arrays."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from bench.fleet import Fleet
from bench.parity.compare import Logits, Tensors
from bench.runner import RunnerError
from contract.errors import UsageError
from contract.protocol import LoadArgs, Option, PredictArgs, Predicted

# Images per request, fewer where their tensors travel: 16 of 3 x 224 x 224 are 9.6 MB, and several copies of them are in memory at once.
CHUNK, TENSORS = 96, 16
SECONDS_PER_IMAGE, SECONDS_AT_LEAST = 20.0, 60.0
LOGITS = "logits"


@dataclass(frozen=True)
class Question:
    """Named arrays for so many images: from their files or from a ready tensor (.npy), `batch` at a time."""

    names: tuple[str, ...]
    batch: int
    count: int
    images: list[str] | None = None
    tensor: Path | None = None


class Session:
    """A model loaded in a runner; unloaded when the block ends."""

    def __init__(self, fleet: Fleet, runtime: str, model: Path, provider: str, options: dict[str, Option] | None = None) -> None:
        self.runtime, self.model, self.provider = runtime, model, provider
        self._fleet, self.runner = fleet, fleet.only(runtime)
        started = time.monotonic()
        self.loaded = self.runner.load(LoadArgs(str(model), provider, {**fleet.options, **(options or {})}))
        if self.loaded.providers[:1] != (provider,):
            raise RunnerError(f"asked for {provider}, runs on {', '.join(self.loaded.providers)}", where=f"{runtime}: load")
        self.loading_seconds = time.monotonic() - started
        # Answers so far whose own top-1 is not the index of their largest logit.
        self.wrong_top1 = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.runner.unload(self.loaded.id)

    @property
    def input(self) -> str:
        """Name of the model's input, which as an output's name means the preprocessed tensor."""
        return self.loaded.inputs[0].name

    def replies(self, questions: Iterable[Question], work: Path) -> Iterator[list[NDArray[Any]]]:
        """The arrays of each question. The next one is asked before an answer is read: nobody waits for who looks at it.

        Raises RunnerError when an array is not what was announced, UsageError when the file does not keep images apart.
        """
        self.runner.discard()  # an answer that nobody looked at: it may still be on its way into the files below
        before: tuple[Question, Path, int] | None = None
        for number, question in enumerate(questions):
            # Two files in turn: one is read while the other is written.
            out = work / f"{self.runtime}-{number % 2}.npz"
            said = None if before is None else self.runner.receive(Predicted, before[2])
            sent = self._ask(question, out)
            if before is not None and said is not None:
                yield self._arrays(*before[:2], said)
            before = question, out, sent
        if before is not None:
            yield self._arrays(*before[:2], self.runner.receive(Predicted, before[2]))

    def _ask(self, question: Question, out: Path) -> int:
        out.unlink(missing_ok=True)
        images = None if question.images is None else tuple(question.images)
        tensor = None if question.tensor is None else str(question.tensor)
        arguments = PredictArgs(self.loaded.id, images, tensor, question.batch, question.names, str(out))
        patience = self._fleet.patience.get(self.runtime, SECONDS_PER_IMAGE)
        return self.runner.send("predict", arguments, SECONDS_AT_LEAST + patience * question.count)

    def _arrays(self, question: Question, out: Path, answer: Predicted) -> list[NDArray[Any]]:
        names, count = question.names, question.count
        arrays = read_answers(out, names, f"{self.runtime}: predict")
        for name, array in arrays.items():
            if name not in answer.arrays or answer.arrays[name].shape != array.shape:
                raise RunnerError(f"announced another '{name}' than it wrote: {array.shape}", where=f"{self.runtime}: predict")
            if array.shape[:1] != (count,):
                # The runner told what the model gave: it is the file that does not keep images apart.
                what = f"the model's '{name}' is {array.shape} for {count} images at batch {question.batch}"
                raise UsageError(what, where=f"{self.runtime}: predict", next="export it with the batch as the first axis of its output")
            if name == LOGITS and array.ndim == 2:
                said = answer.top1 if answer.top1 is not None and len(answer.top1) == count else (None,) * count
                self.wrong_top1 += sum(ours != theirs for ours, theirs in zip(said, np.argmax(array, axis=1).tolist(), strict=True))
        return list(arrays.values())


def read_answer(out: Path, name: str, where: str) -> NDArray[Any]:
    """One named array of the file that a runner wrote, as `read_answers` reads it."""
    return read_answers(out, (name,), where)[name]


def read_answers(out: Path, names: Sequence[str], where: str) -> dict[str, NDArray[Any]]:
    """Named arrays of the file that a runner wrote, which is then deleted. Raises RunnerError when they cannot be read."""
    try:
        with out.open("rb") as file, ZipFile(file) as archive:
            return {name: _array(file, archive, archive.getinfo(f"{name}.npy")) for name in names}
    except (OSError, KeyError, ValueError, BadZipFile, struct.error) as fault:
        listed = ", ".join(f"'{name}'" for name in names)
        raise RunnerError(f"wrote no array {listed} that can be read: {fault}", where=where) from fault
    finally:
        out.unlink(missing_ok=True)


def _array(file: BufferedReader, archive: ZipFile, member: ZipInfo) -> NDArray[Any]:
    """One array.

    What is stored as it is, is read in one piece, several times as fast as np.load with its parts and its CRC: a runner has written it a
    moment ago (source: APPNOTE.TXT of the zip format, 4.3.7, local file header).
    """
    if member.compress_type != ZIP_STORED:
        with archive.open(member) as compressed:
            return np.asarray(np.lib.format.read_array(compressed, allow_pickle=False))
    file.seek(member.header_offset + 26)
    start = file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
    array = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    if file.tell() != start + member.file_size:
        raise ValueError(f"'{member.filename}' holds {member.file_size} bytes, and its array {file.tell() - start}")
    return array


def ask_images(session: Session, paths: list[str], batch: int, work: Path) -> Logits:
    """Logits (images x classes) from image files, preprocessing included."""
    return np.concatenate(list(images_in_parts(session, paths, batch, work)))


def images_in_parts(session: Session, paths: list[str], batch: int, work: Path) -> Iterator[Logits]:
    """The same, some images at a time."""
    # A chunk is a multiple of the batch, so that chunks do not change what is asked together.
    asked = (Question((LOGITS,), batch, len(part), images=part) for part in _chunks(paths, max(1, CHUNK // batch) * batch))
    for (logits,) in session.replies(asked, work):
        yield logits


def images_with_tensors(session: Session, paths: list[str], batch: int, work: Path) -> Iterator[tuple[Tensors, Logits]]:
    """The same, each part with the runtime's own preprocessed tensors (images x 3 x H x W, float32), which it made but once."""
    # Logits first: a runner sums the bytes of the first one up, and tensors are ten thousand times as many.
    names, chunks = (LOGITS, session.input), _chunks(paths, max(1, TENSORS // batch) * batch)
    replies = session.replies((Question(names, batch, len(part), images=part) for part in chunks), work)
    return ((tensors, logits) for logits, tensors in replies)


def ask_tensor(session: Session, tensor: Path, batch: int, work: Path) -> Logits:
    """Logits (images x classes) from a tensor that is ready (.npy, float32, images x 3 x H x W)."""
    return np.concatenate(list(tensor_in_parts(session, tensor, batch, work)))


def tensor_in_parts(session: Session, tensor: Path, batch: int, work: Path) -> Iterator[Logits]:
    """The same, some images at a time."""
    for (logits,) in session.replies(_of_tensor(session, tensor, batch, work), work):
        yield logits


def _of_tensor(session: Session, tensor: Path, batch: int, work: Path) -> Iterator[Question]:
    step, count = max(1, TENSORS // batch) * batch, len(np.load(tensor, mmap_mode="r"))
    if count <= step:
        yield Question((LOGITS,), batch, count, tensor=tensor)
        return
    # Two files in turn, as for the answers: one is made while the other is read.
    parts = [work / f"{session.runtime}-part-{number}.npy" for number in (0, 1)]
    for number, start in enumerate(range(0, count, step)):
        part, some = parts[number % 2], stored(tensor, start, step)
        np.save(part, some)
        yield Question((LOGITS,), batch, len(some), tensor=part)


def ask_tensors(session: Session, paths: list[str], work: Path) -> Iterator[Tensors]:
    """The runtime's own preprocessed tensors (images x 3 x H x W, float32), some images at a time: together they may exceed the memory."""
    for (tensors,) in session.replies((Question((session.input,), 1, len(part), images=part) for part in _chunks(paths, TENSORS)), work):
        yield tensors


def save_tensors(session: Session, paths: list[str], out: Path, work: Path) -> None:
    """The same into a .npy file. Raises UsageError when images become tensors of several sizes."""
    rows = Rows(out, len(paths), session.runtime)
    for part in ask_tensors(session, paths, work):
        rows.add(part)


class Rows:
    """A .npy file of `count` rows that is written some rows at a time."""

    def __init__(self, path: Path, count: int, where: str) -> None:
        self.path, self._count, self._where, self._start = path, count, where, 0
        self._shape: tuple[int, ...] | None = None

    def add(self, part: NDArray[Any]) -> None:
        """Write the next rows. Raises UsageError for rows of another shape than those before."""
        if self._shape is None:
            self._shape = part.shape[1:]
            np.lib.format.open_memmap(self.path, "w+", part.dtype, (self._count, *self._shape))
        if part.shape[1:] != self._shape:
            said = f"arrays of {self._shape} and of {part.shape[1:]}"
            raise UsageError(said, where=self._where, next="use a spec that crops to one size")
        # Mapped for this part alone: pages of a mapping count as memory of this process for as long as it stands.
        np.lib.format.open_memmap(self.path, "r+")[self._start : self._start + len(part)] = part
        self._start += len(part)


def stored(file: Path, start: int, count: int) -> NDArray[np.float32]:
    """Some rows of a .npy file: at most `count` from `start` on. Its pages count as memory of this process until they are let go."""
    return np.asarray(np.load(file, mmap_mode="r")[start : start + count])


def _chunks(items: list[str], size: int) -> list[list[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
