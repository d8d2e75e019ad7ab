"""Samples of a scenario: the runner times itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from torch import nn

from contract.errors import UsageError
from contract.process import quiet_collector
from contract.protocol import TimeArgs, Timed
from train import preset
from train.data.images import whole
from train.serve.loading import Array, Session, place
from train.serve.predicting import crc32, decoded, read_tensor, tensor_of

Sample = Callable[[], Array | None]
E2E_PARTS = ("read", "decode", "resize", "normalise", "logits", "label")


def time_samples(session: Session, args: TimeArgs) -> Timed:
    """Warm up, then sample until there are `samples`, or one ends after `max_ns`."""
    split: dict[str, list[int]] = {name: [] for name in E2E_PARTS} if args.split and args.scenario == "e2e" else {}
    nanoseconds, sums = [], []
    with quiet_collector():
        for sample in islice(_work(session, args, split), args.warmup):
            sample()
        for parts in split.values():
            parts.clear()
        began = time.perf_counter_ns()
        for sample in islice(_work(session, args, split), args.samples):
            start = time.perf_counter_ns()
            answer = sample()
            stop = time.perf_counter_ns()
            nanoseconds.append(stop - start)
            sums.append(0 if answer is None else crc32(answer))
            if args.max_ns is not None and stop - began > args.max_ns:
                break
    return Timed(tuple(nanoseconds), tuple(sums), {name: tuple(parts) for name, parts in split.items()} if split else None)


def _work(session: Session, args: TimeArgs, split: dict[str, list[int]]) -> Iterator[Sample]:
    """One function a sample, over the inputs in turn; all that is not timed happens before it is handed out."""
    if args.scenario == "load":
        return _reloads(session)
    if args.scenario == "e2e":
        if not args.images:
            raise UsageError("e2e needs images", where="time.images")
        return (partial(_end_to_end, session, path, split) for path in cycle(args.images))
    assert args.tensor is not None  # TimeArgs sees to it
    ready = np.array(read_tensor(session, args.tensor))
    return (partial(session.forward, images) for images in _in_turn(ready, args.batch))


def _in_turn(ready: Array, batch: int) -> Iterator[Array]:
    start = 0
    while True:
        yield np.ascontiguousarray(ready[np.arange(start, start + batch) % len(ready)])
        start = (start + batch) % len(ready)


def _reloads(session: Session) -> Iterator[Sample]:
    while True:
        # The model is dropped after its sample, outside of the clock.
        models: list[nn.Module] = []
        yield partial(_reload, session, models)


def _reload(session: Session, models: list[nn.Module]) -> None:
    models.append(place(session.made, session.path, session.device, session.dtype))


def _end_to_end(session: Session, path: str, split: dict[str, list[int]]) -> Array:
    if not split:
        logits = session.forward(tensor_of(session, path)[None])
        _label(session, logits)
        return logits
    marks = [time.perf_counter_ns()]
    file = whole(Path(path))
    marks.append(time.perf_counter_ns())
    image = decoded(session, file, path)
    del file
    marks.append(time.perf_counter_ns())
    cropped = preset.framed(session.spec, image)
    marks.append(time.perf_counter_ns())
    # The same memory as in tensor_of.
    tensor = np.ascontiguousarray(preset.normalised(session.spec, cropped).numpy())[None]
    marks.append(time.perf_counter_ns())
    logits = session.forward(tensor)
    marks.append(time.perf_counter_ns())
    _label(session, logits)
    marks.append(time.perf_counter_ns())
    _note(split, marks)
    return logits


def _label(session: Session, logits: Array) -> str:
    return session.classes[int(logits[0].argmax())]


def _note(split: dict[str, list[int]], marks: Sequence[int]) -> None:
    for name, start, stop in zip(E2E_PARTS, marks, marks[1:], strict=False):
        split[name].append(stop - start)
