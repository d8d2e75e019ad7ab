"""What else happened on this machine while a round was measured: CPU time stolen, throttled, used, clocks (Linux; unknown elsewhere)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import clocks
from bench.measure.clocks import Clocks

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
# A round that lost more than this share of the machine's CPU time to the hypervisor is not counted, whatever its samples say. Up to 4 %
# the medians of 1.5 s of forwards did not follow the share that was stolen (correlation 0.2).
MOST_STOLEN = 0.10


@dataclass(frozen=True)
class Reading:
    """Counters since boot. `ticks`: CPU time in clock ticks over all CPUs; `stolen`: of them; `throttled`: microseconds (cgroup)."""

    ticks: int = 0
    stolen: int = 0
    throttled: int = 0
    clocks: Clocks = field(default_factory=Clocks)


def read(proc: Path = PROC, cgroup: Path = CGROUP) -> Reading:
    """The counters now; zeros where the system has none (proc(5): user nice system idle iowait irq softirq steal)."""
    try:
        user, nice, system, idle, waiting, irq, soft, stolen = map(int, (proc / "stat").read_text().split()[1:9])
    except (OSError, ValueError):
        return Reading(clocks=clocks.read())
    return Reading(user + nice + system + idle + waiting + irq + soft + stolen, stolen, _throttled(cgroup), clocks.read())


def cause(before: Reading, after: Reading) -> str | None:
    """Why what was measured between two readings does not count, or None."""
    if after.throttled > before.throttled:
        return "throttled by the cgroup's quota"
    if after.stolen - before.stolen > MOST_STOLEN * (after.ticks - before.ticks):
        return f"more than {MOST_STOLEN:.0%} of the CPU time was stolen"
    return clocks.cause(before.clocks, after.clocks)


def cpu_ns(pids: Iterable[int], proc: Path = PROC) -> int:
    """CPU time that all threads of these processes ever used, in nanoseconds (schedstat); a process that is gone counts nothing."""
    total = 0
    for pid in pids:
        try:
            threads = list((proc / str(pid) / "task").iterdir())
        except OSError:
            continue
        for thread in threads:
            try:
                total += int((thread / "schedstat").read_text().split()[0])
            except (OSError, ValueError, IndexError):
                continue  # it ended in between
    return total


def _throttled(cgroup: Path) -> int:
    """Microseconds for which a quota stopped this group; 0 without a quota (cgroup v2 `cpu.stat`)."""
    try:
        lines = (cgroup / "cpu.stat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("throttled_usec")), 0)
