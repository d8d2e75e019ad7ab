"""What every runner's `stages` must do. `send`: a runner's (verb, **args) -> reply; `ask`: the same for `stages`, (image, start, out)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from contract import protocol as p
from tests import exif

Ask = Callable[[Path, "dict[str, str] | None", Path], Any]


def asker(send: Callable[..., Any], model: Path, options: dict[str, Any]) -> Ask:
    """Ask the `stages` of a model, which is loaded for it."""
    name = send("load", model=str(model), provider="cpu", options=options).id

    def ask(image: Path, start: dict[str, str] | None, out: Path) -> Any:
        return send("stages", id=name, image=str(image), start=start, out=str(out))

    return ask


def turned_image(folder: Path) -> Path:
    """A JPEG of 50 x 41 that states orientation 6."""
    path = folder / "turned.jpg"
    path.write_bytes(exif.jpeg(exif.drawn(50, 41), exif.PREFIX + exif.SIX))
    return path


def read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def started(ask: Ask, image: Path, folder: Path, stage: str, array: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
    np.save(folder / f"{stage}.npy", array)
    reply = ask(image, {"stage": stage, "array": str(folder / f"{stage}.npy")}, folder / "rest.npz")
    assert isinstance(reply, p.Staged), reply
    arrays = read(folder / "rest.npz")
    assert list(arrays) == [*p.STAGES[p.STAGES.index(stage) :], "logits"]  # type: ignore[arg-type]
    assert reply.arrays == {name: p.ArrayInfo(found.shape, found.dtype.name) for name, found in arrays.items()}
    assert reply.orientation is None
    assert reply.top1 == arrays["logits"].argmax()
    return reply, arrays


def check_every_start(ask: Ask, image: Path, folder: Path, orientation: int | None) -> dict[str, np.ndarray]:
    """Starting with its own array a runner goes on to the same end, bit for bit; another array changes all that follows, and only that."""
    reply = ask(image, None, folder / "whole.npz")
    assert (reply.orientation, list(reply.arrays)) == (orientation, sorted([*p.STAGES, "logits"]))
    whole = read(folder / "whole.npz")
    assert list(whole) == [*p.STAGES, "logits"]
    for stage in p.STAGES:
        again, arrays = started(ask, image, folder, stage, whole[stage])
        assert (again.top1, again.label) == (reply.top1, reply.label)
        for name, array in arrays.items():
            assert (array.dtype, array.shape) == (whole[name].dtype, whole[name].shape)
            assert array.tobytes() == whole[name].tobytes(), (stage, name)
        other = ~whole[stage] if stage != "normalise" else -whole[stage]
        _, arrays = started(ask, image, folder, stage, other)
        assert np.array_equal(arrays[stage], other)
        assert all(not np.array_equal(array, whole[name]) for name, array in arrays.items())
    return whole


def check_predict_and_time(ask: Callable[..., Any], name: str, image: Path, folder: Path, whole: dict[str, np.ndarray]) -> None:
    """The other verbs prepare an image as `stages` does: the tensor, the logits, and the checksum of an `e2e` sample are the same."""
    out = folder / "predicted.npz"
    ask("predict", id=name, images=[str(image)], tensor=None, batch=1, outputs=["images", "logits"], out=str(out))
    arrays = read(out)
    assert arrays["images"][0].tobytes() == whole["normalise"].tobytes()
    assert arrays["logits"][0].tobytes() == whole["logits"].tobytes()
    for split in (False, True):
        common = {"batch": 1, "warmup": 0, "samples": 1, "max_ns": None, "split": split}
        timed = ask("time", id=name, scenario="e2e", images=[str(image)], tensor=None, **common)
        assert timed.crc32 == (zlib.crc32(whole["logits"].tobytes()),)


def check_that_only_turning_looks_at_the_file(asking: Callable[[bool], Ask], folder: Path) -> None:
    """An image file that is gone is missed where it is turned by what it states, and nowhere else; `asking`: by whether the spec turns."""
    array = folder / "pixels.npy"
    np.save(array, np.zeros((40, 40, 3), np.uint8))
    for orient, stage, found in ((False, "decode", True), (True, "decode", False), (True, "orient", True)):
        reply = asking(orient)(folder / "gone.jpg", {"stage": stage, "array": str(array)}, folder / "o.npz")
        assert isinstance(reply, p.Staged if found else p.Failure), reply


def check_bad_starts(ask: Ask, image: Path, folder: Path) -> None:
    """What is not the array of its stage is a data error that names the file; `image` becomes a tensor of another size than 2 x 2."""
    pixels, tensor = np.zeros((2, 2, 3), np.uint8), np.zeros((3, 2, 2), np.float32)
    bad = folder / "bad.npy"
    cases: list[tuple[str, np.ndarray | bytes]] = [
        ("decode", pixels.astype(np.float32)),
        ("resize", pixels[..., :2]),
        ("resize", pixels[0]),
        ("orient", pixels[:0]),
        ("crop", pixels),
        ("normalise", tensor),
        ("normalise", tensor.astype(np.float64)),
        ("normalise", np.zeros((2, 2, 3), np.float32)),
        ("crop", b"not an array"),
        ("crop", b""),
    ]
    for stage, content in cases:
        if isinstance(content, bytes):
            bad.write_bytes(content)
        else:
            np.save(bad, content)
        failure = ask(image, {"stage": stage, "array": str(bad)}, folder / "rest.npz")
        assert isinstance(failure, p.Failure), (stage, content)
        assert (failure.kind, str(bad) in failure.where) == ("data", True), failure
    missing = ask(image, {"stage": "crop", "array": str(folder / "gone.npy")}, folder / "rest.npz")
    assert (missing.kind, "gone.npy" in missing.where) == ("data", True)
    unknown = ask(image, {"stage": "logits", "array": str(bad)}, folder / "rest.npz")
    assert unknown.kind == "usage"
