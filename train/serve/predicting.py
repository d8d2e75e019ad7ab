"""Answers for images or for a ready tensor."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from contract.errors import DataError, UsageError, nearest
from contract.protocol import ArrayInfo, PredictArgs, Predicted
from train.data.images import decode, whole
from train.serve.loading import INPUT, OUTPUT, Array, Session
from train.serve.program import Program


def predict(session: Session, args: PredictArgs) -> Predicted:
    """Named arrays for all images, `batch` at a time."""
    wanted = args.outputs or (OUTPUT,)
    _known(session, wanted)
    inner = [name for name in wanted if name not in (INPUT, OUTPUT)]
    caught: dict[str, list[Array]] = {name: [] for name in wanted}
    sums: list[int] = []
    for images in batches(session, args.images, args.tensor, args.batch):
        if INPUT in caught:
            caught[INPUT].append(images)
        if set(wanted) == {INPUT}:
            continue
        values = _forward(session, images, inner)
        for name in (*inner, OUTPUT):
            if name in caught:
                caught[name].append(values[name])
        first = images if wanted[0] == INPUT else values[wanted[0]]
        sums.append(crc32(first))
    arrays = {name: np.concatenate(parts) for name, parts in caught.items()}
    top1 = tuple(arrays[OUTPUT].argmax(1).tolist()) if OUTPUT in arrays else None
    return Predicted(save(arrays, Path(args.out)), top1, tuple(sums))


def batches(session: Session, images: Sequence[str] | None, tensor: str | None, batch: int) -> Iterator[Array]:
    """Float32 N x 3 x H x W, `batch` at a time: images are preprocessed as they are needed, a tensor is read from its file likewise."""
    if tensor is not None:
        ready = read_tensor(session, tensor)
        for start in range(0, len(ready), batch):
            yield np.array(ready[start : start + batch])  # a copy: the mapped file cannot be written to, which torch wants
        return
    if not images:
        raise UsageError("no image is given", where="images")
    for start in range(0, len(images), batch):
        yield np.stack([tensor_of(session, path) for path in images[start : start + batch]])


def tensor_of(session: Session, path: str) -> Array:
    """One image through torchvision's own transform: 3 x H x W, contiguous.

    torchvision hands out channels-last strides, and eager picks other kernels, with other last bits, for those.
    """
    return np.ascontiguousarray(session.transform(opened(session, path)).numpy())


def opened(session: Session, path: str) -> Image.Image:
    """The decoded image, turned if the spec says so. Raises DataError, also for one that it would make larger than memory holds."""
    return decoded(session, whole(Path(path)), path)


def decoded(session: Session, file: bytes, path: str) -> Image.Image:
    """As `opened`, of the bytes of the file."""
    image = decode(file, orient=session.spec.orient, name=path)
    session.spec.refuse_huge(image.size, path)
    return image


def read_tensor(session: Session, path: str) -> Array:
    """A .npy batch, mapped rather than read. Raises DataError for another shape or type than the model takes."""
    try:
        ready: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as fault:
        raise DataError(f"not a readable .npy file: {fault}", where=path) from fault
    size = session.spec.input_size
    fits = isinstance(ready, np.ndarray) and ready.ndim == 4 and ready.dtype == np.float32 and ready.shape[1] == 3
    if not fits or len(ready) == 0 or (size is not None and ready.shape[2:] != size):
        found = f"{ready.dtype} {ready.shape}" if isinstance(ready, np.ndarray) else type(ready).__name__
        raise UsageError(f"the model takes float32 N x 3 x {size}, the file holds {found}", where=path)
    return ready


def crc32(array: Array) -> int:
    """Zlib's crc32 over the raw little-endian bytes."""
    return zlib.crc32(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes())


def save(arrays: dict[str, Array], out: Path) -> dict[str, ArrayInfo]:
    """Write an .npz, uncompressed, and say what is in it."""
    with out.open("wb") as file:
        np.savez(file, **{name: np.ascontiguousarray(array) for name, array in arrays.items()})  # type: ignore[arg-type]
    return {name: ArrayInfo(array.shape, str(array.dtype)) for name, array in arrays.items()}


def _known(session: Session, wanted: Sequence[str]) -> None:
    if isinstance(session.model, Program):
        known = {value.name for value in session.model.described("")}
    else:
        known = {name for name, _ in session.model.named_modules() if name}
    for name in wanted:
        if name not in known and name not in (INPUT, OUTPUT):
            raise UsageError(f"the model has no value '{name}'; {nearest(name, known)}", where="predict.outputs")


def _forward(session: Session, images: Array, inner: Sequence[str]) -> dict[str, Array]:
    """Logits, and what the named modules returned; of a program the named values."""
    if isinstance(session.model, Program):
        with torch.inference_mode():
            caught = session.model.values(session.to_device(images), {*inner, OUTPUT})
        return {name: value.cpu().numpy() for name, value in caught.items()}
    values: dict[str, Array] = {}

    def keep(name: str, value: object) -> None:
        if not isinstance(value, torch.Tensor):
            raise UsageError(f"'{name}' returns no tensor", where="predict.outputs")
        values[name] = value.detach().cpu().numpy().copy()  # a later layer may write into the same memory

    hooks = [session.model.get_submodule(name).register_forward_hook(lambda _, __, value, name=name: keep(name, value)) for name in inner]
    try:
        values[OUTPUT] = session.forward(images)
    finally:
        for hook in hooks:
            hook.remove()
    return values
