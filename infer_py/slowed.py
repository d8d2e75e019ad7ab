"""`python -m infer_py slowed PERCENT`: the runner, slower by a known share in every timed forward: what `bench selftest` must find."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np

from contract.errors import UsageError
from contract.protocol import TimeArgs

if TYPE_CHECKING:
    from infer_py.clock import Sample
    from infer_py.model import Model

    Forward = Callable[[Model, TimeArgs], Callable[[int], Sample]]

# Forwards whose lower quartile is taken for the time of one, as the bench takes a block's; the first of a process are slower, and not among
# them. Few: each process that is timed takes them anew.
CALIBRATION, COLD = 9, 2
# Above this it would not be a slow-down but another program.
MOST_PERCENT = 100.0


def serve(arguments: list[str]) -> int:
    """Serve the protocol with a busy-wait of so many percent after each forward. Raises UsageError for anything but one number."""
    share = parse(arguments) / 100
    from contract.serve import claim_stdout, serve  # noqa: PLC0415

    replies = claim_stdout()
    from infer_py import clock  # noqa: PLC0415
    from infer_py.runner import Runner  # noqa: PLC0415

    clock.forward = slower(clock.forward, share)  # type: ignore[assignment] # of the same type but for the names of its parameters
    serve(Runner().handlers(), sys.stdin.buffer, replies)
    return 0


def parse(arguments: list[str]) -> float:
    """The percentage. Raises UsageError."""
    try:
        (percent,) = map(float, arguments)
    except ValueError as fault:
        raise UsageError("one number of percent is needed", where="slowed", next="python -m infer_py slowed 3") from fault
    if not 0 <= percent <= MOST_PERCENT:
        raise UsageError(f"{percent:g} percent is not between 0 and {MOST_PERCENT:g}", where="slowed")
    return percent


def slower(forward: Forward, share: float) -> Forward:
    """A forward that waits `share` of its own calibrated time longer: the same time for every sample, so that no noise is scaled."""
    waits: dict[tuple[int, int], int] = {}

    def made(model: Model, asked: TimeArgs) -> Callable[[int], Sample]:
        sample = forward(model, asked)
        key = id(model), asked.batch
        if key not in waits:
            times = [sample(number)[0] for number in range(COLD + CALIBRATION)]
            waits[key] = round(share * float(np.quantile(times[COLD:], 0.25)))
        wait = waits[key]

        def late(number: int) -> Sample:
            ns, checksum, split = sample(number)
            start = perf_counter_ns()
            while perf_counter_ns() - start < wait:
                pass
            return ns + perf_counter_ns() - start, checksum, split

        return late

    return made
