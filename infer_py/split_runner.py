"""The runner of `split`: sessions and forwards that differ in one thing from those of `serve`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import protocol
from contract.artifact import sha256_file
from contract.card import Card
from contract.errors import UsageError
from contract.process import OUTPUT_BEFOREHAND, STOPWATCH, denormals, facts
from contract.serve import Handler
from infer_py import answer, clock, npz, onnx_file, receipt, session
from infer_py.capi import open_library
from infer_py.capi_session import Session, buffer
from infer_py.clock import Sample
from infer_py.model import Model, described
from infer_py.runner import Runner
from infer_py.session import Options
from infer_py.split import Ways

# Bytes of a cache line.
LINE = 64
Images = NDArray[np.float32]
# Called with the number of a sample: its nanoseconds.
Call = Callable[[int], int]


class SplitRunner(Runner):
    """`ort-python`, in these ways."""

    def __init__(self, ways: Ways) -> None:
        super().__init__(record=not ways.lean)
        self._ways = ways

    def handlers(self) -> dict[str, Handler]:
        """The verbs of `serve`; the receipt is that of the library that executes models."""
        return super().handlers() | {"hello": lambda _: hello(self._ways.library)}

    def load(self, asked: protocol.LoadArgs) -> protocol.Loaded:
        """Create a session of the extension, or of the library that was given."""
        loaded = super().load(asked) if self._ways.library is None else self._load(asked, self._ways.library)
        return replace(loaded, options=loaded.options | {"output_allocation": OUTPUT_BEFOREHAND}) if self._ways.bound else loaded

    def _load(self, asked: protocol.LoadArgs, library: Path) -> protocol.Loaded:
        if asked.provider != "cpu":
            raise UsageError(f"only the CPU is driven through the C API, asked for {asked.provider}", where="split: load")
        options, file = Options.parse(asked.options), onnx_file.read(Path(asked.model))
        card = Card.from_metadata(file.metadata, asked.model)
        start = time.perf_counter_ns()
        opened = Session(open_library(library), file.path, options)
        ns = time.perf_counter_ns() - start
        # Said from what was set, for setting it would have failed otherwise, and the C API cannot be asked for it.
        in_force = {**asdict(options), "denormals": denormals(), "stopwatch": STOPWATCH}
        inputs, outputs = described(opened.get_inputs()), described(opened.get_outputs())
        model = Model(file, card, asked.provider, options, opened, ns, session)
        return protocol.Loaded(self._keep(model), (asked.provider,), None, in_force, inputs, outputs, card.labels, file.sha256, ns)


@cache
def hello(library: Path | None) -> protocol.Receipt:
    """Who answers here: with a library of its own version, commit and file."""
    own = receipt.receipt()
    if library is None:
        return own
    opened = open_library(library)
    return replace(
        own,
        version=opened.version,
        commit=receipt.commit(opened.build_info),
        library=str(library),
        library_sha256=sha256_file(library),
        process=facts(receipt.library_profile(opened.build_info)),
    )


def forward(ways: Ways) -> Callable[[Model, protocol.TimeArgs], Callable[[int], Sample]]:
    """What stands for infer_py.clock.forward."""

    def made(model: Model, asked: protocol.TimeArgs) -> Callable[[int], Sample]:
        assert asked.tensor is not None  # TimeArgs sees to it
        if asked.batch != 1:
            raise UsageError(f"one image at a time is split, asked for batch {asked.batch}", where="split: time")
        images = npz.read_images(Path(asked.tensor))
        placed = aligned(images) if ways.aligned else images
        return beforehand(model, placed) if ways.bound else clock.sampler(model, placed, 1)

    return made


def aligned(images: Images) -> Images:
    """A copy of which each image begins at a cache line. Raises UsageError where their size does not allow it."""
    if images[0].nbytes % LINE:
        raise UsageError(f"images of {images[0].nbytes} bytes cannot all begin at a multiple of {LINE}", where="split: time")
    room = np.empty(images.nbytes + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    made = room[first : first + images.nbytes].view(np.float32).reshape(images.shape)
    made[...] = images
    return made


def beforehand(model: Model, images: Images) -> Callable[[int], Sample]:
    """Samples of forwards whose input and output are bound before the clock starts; the output is wiped after each."""
    model.check(images, 1)
    name = clock.logits_name(model)
    turns = clock.turns(images, 1)
    logits = buffer(described(model.session.get_outputs()), name)
    wanted = name, logits
    if isinstance(model.session, Session):
        call = through_c(model.session, (model.input.name, turns), wanted)
    else:
        call = through_bindings(model.session, (model.input.name, turns), wanted)

    def sample(number: int) -> Sample:
        ns = call(number % len(turns))
        checksum = answer.checksum(logits)
        # What an earlier forward said would look like an answer. (`turns` and `logits` live as long as this function does: bindings hold
        # addresses alone.)
        logits.fill(np.nan)
        return ns, checksum, ()

    return sample


def through_c(session: Session, given: tuple[str, list[Images]], wanted: tuple[str, Images]) -> Call:
    """By the C function `Run`."""
    name, turns = given
    calls = [session.bound((name, each), wanted) for each in turns]

    def call(turn: int) -> int:
        bare = calls[turn]
        start = perf_counter_ns()
        status = bare()
        ns = perf_counter_ns() - start
        session.check(status)
        return ns

    return call


def through_bindings(session: Any, given: tuple[str, list[Images]], wanted: tuple[str, Images]) -> Call:
    """By `run_with_iobinding` of the extension."""
    run, (first, turns), (name, logits) = session.run_with_iobinding, given, wanted
    bindings = []
    for each in turns:
        bindings.append(session.io_binding())
        # By their addresses: to bind an array may copy it.
        bindings[-1].bind_input(first, "cpu", 0, each.dtype, each.shape, each.ctypes.data)
        bindings[-1].bind_output(name, "cpu", 0, logits.dtype, logits.shape, logits.ctypes.data)

    def call(turn: int) -> int:
        binding = bindings[turn]
        start = perf_counter_ns()
        run(binding)
        return perf_counter_ns() - start

    return call
