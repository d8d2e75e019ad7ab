"""Questions to a runner for parity: a loaded session, and its logits or tensors as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bench.fleet import Fleet
from bench.parity.compare import Logits, Tensors
from bench.runner import RunnerError
from contract.errors import UsageError
from contract.protocol import LoadArgs, Option, PredictArgs

# Images per request, fewer where their tensors travel: 16 of 3 x 224 x 224 are 9.6 MB, and several copies of them are in memory at once.
CHUNK, TENSORS = 96, 16
SECONDS_PER_IMAGE, SECONDS_AT_LEAST = 20.0, 60.0
LOGITS = "logits"


class Session:
    """A model loaded in a runner; unloaded when the block ends."""

    def __init__(self, fleet: Fleet, runtime: str, model: Path, provider: str, options: dict[str, Option] | None = None) -> None:
        self.runtime, self.model, self.provider = runtime, model, provider
        self.runner = fleet.only(runtime)
        self._seconds_per_image = fleet.patience.get(runtime, SECONDS_PER_IMAGE)
        self.loaded = self.runner.load(LoadArgs(str(model), provider, {**fleet.options, **(options or {})}))
        if self.loaded.providers[:1] != (provider,):
            raise RunnerError(f"asked for {provider}, runs on {', '.join(self.loaded.providers)}", where=f"{runtime}: load")
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

    def predict(self, name: str, work: Path, *, images: list[str] | None, tensor: Path | None, batch: int, count: int) -> NDArray[Any]:
        """One named array for images or a tensor. Raises RunnerError when it is not what was announced."""
        out = work / f"{self.runtime}.npz"
        arguments = PredictArgs(
            self.loaded.id, tuple(images) if images is not None else None, str(tensor) if tensor else None, batch, (name,), str(out)
        )
        answer = self.runner.predict(arguments, SECONDS_AT_LEAST + self._seconds_per_image * count)
        array = read_answer(out, name, f"{self.runtime}: predict")
        if name not in answer.arrays or answer.arrays[name].shape != array.shape or len(array) != count:
            raise RunnerError(f"{len(array)} answers of shape {array.shape} for {count} images", where=f"{self.runtime}: predict")
        if name == LOGITS and array.ndim == 2:
            said = answer.top1 if answer.top1 is not None and len(answer.top1) == count else (None,) * count
            self.wrong_top1 += sum(ours != theirs for ours, theirs in zip(said, np.argmax(array, axis=1).tolist(), strict=True))
        return array


def read_answer(out: Path, name: str, where: str) -> NDArray[Any]:
    """One named array of the file that a runner wrote, as `read_answers` reads it."""
    return read_answers(out, (name,), where)[name]


def read_answers(out: Path, names: Sequence[str], where: str) -> dict[str, NDArray[Any]]:
    """Named arrays of the file that a runner wrote, which is then deleted. Raises RunnerError when they cannot be read."""
    try:
        with np.load(out) as arrays:
            return {name: np.asarray(arrays[name]) for name in names}
    except (OSError, KeyError, ValueError, BadZipFile) as fault:
        listed = ", ".join(f"'{name}'" for name in names)
        raise RunnerError(f"wrote no array {listed} that can be read: {fault}", where=where) from fault
    finally:
        out.unlink(missing_ok=True)


def ask_images(session: Session, paths: list[str], batch: int, work: Path) -> Logits:
    """Logits (images x classes) from image files, preprocessing included."""
    # A chunk is a multiple of the batch, so that chunks do not change what is asked together.
    step = max(1, CHUNK // batch) * batch
    return np.concatenate(
        [session.predict(LOGITS, work, images=part, tensor=None, batch=batch, count=len(part)) for part in _chunks(paths, step)]
    )


def ask_tensor(session: Session, tensor: Path, batch: int, work: Path) -> Logits:
    """Logits (images x classes) from a tensor that is ready (.npy, float32, images x 3 x H x W), a part of it at a time."""
    step, count = max(1, TENSORS // batch) * batch, len(np.load(tensor, mmap_mode="r"))
    if count <= step:
        return session.predict(LOGITS, work, images=None, tensor=tensor, batch=batch, count=count)
    part, said = work / f"{session.runtime}-part.npy", []
    for start in range(0, count, step):
        some = stored(tensor, start, step)
        np.save(part, some)
        said.append(session.predict(LOGITS, work, images=None, tensor=part, batch=batch, count=len(some)))
    part.unlink()
    return np.concatenate(said)


def ask_tensors(session: Session, paths: list[str], work: Path) -> Iterator[Tensors]:
    """The runtime's own preprocessed tensors (images x 3 x H x W, float32), some images at a time: together they may exceed the memory."""
    for part in _chunks(paths, TENSORS):
        yield session.predict(session.input, work, images=part, tensor=None, batch=1, count=len(part))


def save_tensors(session: Session, paths: list[str], out: Path, work: Path) -> None:
    """The same into a .npy file. Raises UsageError when images become tensors of several sizes."""
    shape: tuple[int, ...] | None = None
    start = 0
    for part in ask_tensors(session, paths, work):
        if shape is None:
            shape = part.shape[1:]
            np.lib.format.open_memmap(out, "w+", part.dtype, (len(paths), *shape))
        if part.shape[1:] != shape:
            raise UsageError(f"tensors of {part.shape[1:]} and of {shape}", where=session.runtime, next="use a spec that crops to one size")
        # Mapped for this part alone: pages of a mapping count as memory of this process for as long as it stands.
        np.lib.format.open_memmap(out, "r+")[start : start + len(part)] = part
        start += len(part)


def stored(tensors: Path, start: int, count: int) -> Tensors:
    """Some images of a .npy file (images x 3 x H x W): at most `count` from `start` on, as a copy."""
    return np.array(np.load(tensors, mmap_mode="r")[start : start + count])


def _chunks(items: list[str], size: int) -> list[list[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
