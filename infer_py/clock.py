"""Take samples: the stopwatch is around what the scenario names, and around nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import UsageError
from contract.process import quiet_collector
from contract.protocol import TimeArgs, Timed
from infer_py import answer, npz
from infer_py.model import LOGITS, Model
from infer_py.preprocess import crop, decoded, normalise, read, resize

# One sample: nanoseconds, checksum, and for e2e the boundaries' nanoseconds.
Sample = tuple[int, int, tuple[int, ...]]
STAGES = ("read", "decode", "resize", "normalise", "logits", "label")


def take(model: Model, asked: TimeArgs) -> Timed:
    """Samples of one scenario. Raises UsageError for arguments that do not fit it."""
    sample = {"latency": forward, "throughput": forward, "e2e": _end_to_end, "load": _load}[asked.scenario](model, asked)
    try:
        with quiet_collector():
            samples = _sampled(sample, asked)
    except model.library.FAULTS as fault:
        raise model.failed(fault) from fault
    split = None
    if asked.split and asked.scenario == "e2e":
        split = {name: tuple(sample[2][place] for sample in samples) for place, name in enumerate(STAGES)}
    return Timed(tuple(sample[0] for sample in samples), tuple(sample[1] for sample in samples), split)


def _sampled(sample: Callable[[int], Sample], asked: TimeArgs) -> list[Sample]:
    for number in range(asked.warmup):
        sample(number)
    samples, start = [], perf_counter_ns()
    for number in range(asked.samples):
        samples.append(sample(number))
        if asked.max_ns is not None and perf_counter_ns() - start >= asked.max_ns:
            break
    return samples


def forward(model: Model, asked: TimeArgs) -> Callable[[int], Sample]:
    """One timed forward of `batch` images, in turn, by the number of the sample: float32 in host memory to logits in host memory."""
    assert asked.tensor is not None  # TimeArgs sees to it
    return sampler(model, npz.read_images(Path(asked.tensor)), asked.batch)


def sampler(model: Model, images: NDArray[Any], batch: int) -> Callable[[int], Sample]:
    """What takes sample `number`: from float32 in host memory to logits in host memory. Raises UsageError for what does not fit."""
    model.check(images, batch)
    # Resolved before the clock starts: names of a session are looked up anew at each access.
    run, name = model.session.run, model.input.name
    first = [logits_name(model)]
    # So are the feeds: what is done right before a forward costs the forward, too, by what it leaves in the caches.
    feeds = [{name: each} for each in turns(images, batch)]

    def sample(number: int) -> Sample:
        feed = feeds[number * batch % len(feeds)]
        start = perf_counter_ns()
        logits = run(first, feed)[0]
        ns = perf_counter_ns() - start
        return ns, answer.checksum(logits), ()

    return sample


def logits_name(model: Model) -> str:
    """The output that is taken for the logits: the one called so, or the first."""
    return LOGITS if LOGITS in model.outputs else model.outputs[0]


def _end_to_end(model: Model, asked: TimeArgs) -> Callable[[int], Sample]:
    if not asked.images:
        raise UsageError("no images", where="time")
    if asked.batch != 1:
        raise UsageError(f"e2e is one image at a time, asked for batch {asked.batch}", where="time")
    paths, spec = [Path(path) for path in asked.images], model.spec
    run, name, labels = model.session.run, model.input.name, model.card.labels
    # No image is touched before its turn: without a warm-up the first sample is a cold one.
    if spec.input_size is not None:
        model.check_shape((1, 3, *spec.input_size))

    def sample(number: int) -> Sample:
        path = paths[number % len(paths)]
        start = perf_counter_ns()
        file = read(path)
        after_read = perf_counter_ns()
        image = decoded(file, path, spec)
        del file
        after_decode = perf_counter_ns()
        cropped = crop(resize(image, spec), spec)
        after_resize = perf_counter_ns()
        images = normalise(cropped, spec)[None]
        after_normalise = perf_counter_ns()
        logits = run([LOGITS], {name: images})[0]
        after_logits = perf_counter_ns()
        best = int(logits[0].argmax())
        label = best if labels is None else labels[best]
        end = perf_counter_ns()
        del label
        times = (start, after_read, after_decode, after_resize, after_normalise, after_logits, end)
        return end - start, answer.checksum(logits), tuple(later - sooner for sooner, later in itertools.pairwise(times))

    return sample


def _load(model: Model, _asked: TimeArgs) -> Callable[[int], Sample]:
    def sample(_number: int) -> Sample:
        made, ns = model.library.timed_create(model.file.path, model.provider, model.options)
        del made
        return ns, 0, ()

    return sample


def turns(images: NDArray[Any], batch: int) -> list[NDArray[Any]]:
    """From each image on, `batch` of them in turn, wrapping around: all of them views."""
    # The first images follow the last ones, so that every batch lies side by side; as in infer_rs.
    more = np.resize(images, (batch - 1, *images.shape[1:]))
    ring = np.concatenate([images, more]) if batch > 1 else images
    return [ring[first : first + batch] for first in range(len(images))]
