"""Counts as the programs would print them, with nanoseconds that are easy to calculate with."""

from __future__ import annotations

from collections.abc import Sequence

from bench import runtimes
from contract.overhead import Counted
from contract.protocol import PROTOCOL, Receipt

RUST = {"bare": 1000, "bare_allocating": 1200, "preallocated": 1300, "run": 2000, "timed": 1500, "empty": 30, "stopwatch": 60}
PYTHON = {"run": 4000, "timed": 4200, "io_binding": 2400, "empty": 50, "stopwatch": 130}


def receipt(runtime: str, *, version: str = "1.31.1", source: str | None = None, build: str = "release") -> Receipt:
    return Receipt(
        PROTOCOL, runtime, version, "6af1a932e", "lib.so", "ab" * 32, source or runtimes.find(runtime).source(), build, 2, ("cpu",), "jpeg",
        True, (), {}, {}, 7,
    )  # fmt: skip


def counted(runtime: str, ns: dict[str, int], drifts: Sequence[float] = (1.0, 1.2, 0.9), calls: int = 10) -> Counted:
    """A process whose blocks take `ns` a call, times a drift of each round."""
    ways = {way: tuple(round(each * calls * drift) for drift in drifts) for way, each in ns.items()}
    return Counted(receipt(runtime), 1, calls, 0, ways)


def counts(
    python: Sequence[dict[str, int]] = (PYTHON,) * 3, rust: Sequence[dict[str, int]] = (RUST,) * 3
) -> dict[str, tuple[Counted, ...]]:
    return {
        "ort-rust": tuple(counted("ort-rust", each) for each in rust),
        "ort-python": tuple(counted("ort-python", each) for each in python),
    }
