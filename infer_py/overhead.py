"""Ways of calling one session, timed in blocks that take turns: what `python -m infer_py overhead` counts."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import repeat
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from contract.errors import DataError, UsageError
from contract.overhead import Counted
from contract.process import quiet_collector
from infer_py import answer, clock, receipt, session
from infer_py.model import Model

# Calls before a block: the caches hold what the way before it needed.
WARM_UP = 5
# Nanoseconds of so many calls.
Block = Callable[[int], int]


def count(model: Model, calls: int, blocks: int, seed: int) -> Counted:
    """Blocks of all ways, in an order drawn anew for each round, so that drift falls on all alike.

    Raises UsageError for a model whose image size is not fixed, DataError where ONNX Runtime fails.
    """
    order = random.Random(seed)
    try:
        ways = _ways(model)
        with quiet_collector():
            taken: dict[str, list[int]] = {name: [] for name in ways}
            for _ in range(blocks):
                for name in order.sample(list(ways), len(ways)):
                    ways[name](WARM_UP)
                    taken[name].append(ways[name](calls))
    except session.FAULTS as fault:
        raise DataError(f"ONNX Runtime failed: {session.said(fault)}", where=str(model.file.path)) from fault
    return Counted(receipt.receipt(), model.options.threads, calls, seed, {name: tuple(each) for name, each in taken.items()})


def _ways(model: Model) -> dict[str, Block]:
    images = _images(model)
    sample = clock.sampler(model, images, len(images))
    right = sample(0)[1]

    def timed(calls: int) -> int:
        samples = [sample(0) for _ in range(calls)]
        if {checksum for _, checksum, _ in samples} != {right}:
            raise DataError("a timed forward answers otherwise than the first one", where=str(model.file.path))
        return sum(ns for ns, _, _ in samples)

    return {
        "run": _run(model, images),
        "timed": timed,
        "io_binding": _io_binding(model, images, right),
        "empty": lambda calls: _stopwatch(calls)[0],
        "stopwatch": lambda calls: _stopwatch(calls)[1],
    }


def _run(model: Model, images: NDArray[np.float32]) -> Block:
    run, wanted, feed = model.session.run, [clock.logits_name(model)], {model.input.name: images}

    def block(calls: int) -> int:
        start = perf_counter_ns()
        for _ in repeat(None, calls):
            run(wanted, feed)
        return perf_counter_ns() - start

    return block


def _io_binding(model: Model, images: NDArray[np.float32], right: int) -> Block:
    """Input and output are bound beforehand; after each block the output is compared with what `run` answered, and wiped."""
    run, name = model.session.run_with_iobinding, clock.logits_name(model)
    logits = np.full_like(model.session.run([name], {model.input.name: images})[0], np.nan)
    binding = model.session.io_binding()
    binding.bind_cpu_input(model.input.name, images)
    binding.bind_output(name, "cpu", 0, logits.dtype, logits.shape, logits.ctypes.data)

    def block(calls: int) -> int:
        start = perf_counter_ns()
        for _ in repeat(None, calls):
            run(binding)
        ns = perf_counter_ns() - start
        if answer.checksum(logits) != right:
            raise DataError("a bound session answers otherwise than `run`", where=str(model.file.path))
        logits.fill(np.nan)
        return ns

    return block


def _stopwatch(calls: int) -> tuple[int, int]:
    """What stopwatches around nothing read in all, and what they take."""
    read, begin = 0, perf_counter_ns()
    for _ in repeat(None, calls):
        start = perf_counter_ns()
        read += perf_counter_ns() - start
    return read, perf_counter_ns() - begin


def _images(model: Model) -> NDArray[np.float32]:
    """One batch, of both signs: the answer of a Relu is neither its input nor all zeros."""
    batch, *sizes = model.input.shape
    if None in sizes:
        raise UsageError("the size of the model's images is not fixed", where=str(model.file.path), next="use a model with a fixed one")
    shape = (batch or 1, *(size for size in sizes if size is not None))
    images: NDArray[np.float32] = (np.arange(np.prod(shape)) % 7 - 3).astype(np.float32).reshape(shape)
    return images
