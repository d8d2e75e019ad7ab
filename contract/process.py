"""What this process is, as far as its numbers depend on it: read back from what is in force where there is something to ask.

The keys and their values are those of infer_rs/src/process.rs; bench/PROTOCOL.md describes them. What a system does not say is absent.
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contract import machine
from contract.protocol import Option

MAPS = Path("/proc/self/maps")
CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
KEPT, ZEROED = "kept", "zeroed"
# Of every session of every runtime: from host memory to host memory, and no buffer is handed in for the answer.
STOPWATCH, OUTPUT_ALLOCATION = "host to host, copies included", "in each forward"
# Of the programs that `python -m bench split` compares, and of no runtime: the answer goes into a buffer that was handed in.
OUTPUT_BEFOREHAND = "before the forward"


def facts(library_profile: str | None) -> dict[str, Option]:
    """The `process` of a receipt. `library_profile`: how the library that executes models was built, or None where it does not say."""
    clock = time.get_clock_info("perf_counter")
    known: dict[str, Option | None] = {
        "affinity": affinity(),
        "cgroup_quota": machine.cgroup_text(),
        "allocator": allocator(),
        "timer": clock.implementation,
        "timer_resolution_ns": round(clock.resolution * 1e9),
        "clocksource": clocksource(),
        "denormals": denormals(),
        "profile": "debug" if hasattr(sys, "gettotalrefcount") else "release",
        "library_profile": None if library_profile is None else library_profile.lower(),
        "garbage_collector": "off in samples",
        # Only interpreters that can be without it are asked.
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    }
    return {name: value for name, value in known.items() if value is not None}


def affinity() -> str | None:
    """The CPUs that this thread may run on: `0-3,8`; None where the system does not say."""
    return ranges(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as Linux writes lists of CPUs: 0, 1, 2 and 5 as `0-2,5`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def allocator() -> str | None:
    """Who answers `malloc` here: `glibc 2.36`, or the file that stands in for it, preloaded or linked in; None where nobody says."""
    if not MAPS.is_file():
        return None
    # Looked up as every library here looks it up: LD_PRELOAD may be set and have failed, what is mapped has not.
    address = ctypes.cast(ctypes.CDLL(None).malloc, ctypes.c_void_p).value
    name = None if address is None else mapped(address, MAPS.read_text())
    return os.confstr("CS_GNU_LIBC_VERSION") if name == "libc.so.6" else name


def mapped(address: int, maps: str) -> str | None:
    """The name of the file that is mapped at an address (proc(5), /proc/pid/maps), or None."""
    for line in maps.splitlines():
        span, _, _, _, _, *path = line.split(maxsplit=5)
        low, high = (int(bound, 16) for bound in span.split("-"))
        if low <= address < high:
            return Path(path[0]).name if path else None
    return None


def clocksource() -> str | None:
    """What the kernel reads for its clocks: `tsc` costs tens of nanoseconds, others a system call; None where it does not say."""
    try:
        return CLOCKSOURCE.read_text().strip()
    except OSError:
        return None


def denormals() -> str:
    """`kept` or `zeroed`: what this thread's arithmetic does, whoever set it: a library built with -ffast-math does when it is loaded."""
    # Not written as literals: the compiler of Python would work them out beforehand.
    made = sys.float_info.min / 2
    read = math.ulp(0.0) * 2.0**60
    return ZEROED if made == 0.0 or read == 0.0 else KEPT


@contextmanager
def quiet_collector() -> Iterator[None]:
    """No garbage collection while samples are taken: it would stop the world inside of one."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
