"""How steadily this machine can compute: threads, the cgroup's limit, the clock's governor, and what else runs."""

from __future__ import annotations

import os
from pathlib import Path

from bench.checkup.row import Row
from contract import machine

# Of the usable threads: what others may take before a note says so.
BUSY = 0.5


def rows(system: Path = Path("/sys")) -> list[Row]:
    """All of them."""
    return [threads(), quota(system / "fs" / "cgroup"), governor(system / "devices" / "system" / "cpu"), *load()]


def threads() -> Row:
    """What a runtime uses by default."""
    return Row("threads", True, f"{machine.usable_threads()} usable of {os.cpu_count()} ({machine.cpu_model()})")


def quota(folder: Path) -> Row:
    """A limit below the cores stops the process for the rest of each period, in the middle of a sample."""
    allowed, cores = machine.cgroup_quota(folder), os.cpu_count() or 1
    if allowed is None:
        return Row("cgroup limit", True, "none")
    if allowed >= cores:
        return Row("cgroup limit", True, f"{allowed:g} CPUs, no fewer than there are")
    cure = "give the container whole cores (docker run --cpuset-cpus 0-1), or keep to --threads below the limit"
    return Row("cgroup limit", None, f"{allowed:g} of {cores} CPUs: what runs over it is stopped in the middle of a sample", cure)


def governor(folder: Path) -> Row:
    """How the clock is chosen; a virtual machine does not say."""
    try:
        found = {path.read_text().strip() for path in folder.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    except OSError as fault:
        return Row("clock governor", True, f"cannot be read: {fault.strerror}")
    if not found:
        return Row("clock governor", True, "the system does not say (as in most virtual machines)")
    if found == {"performance"}:
        return Row("clock governor", True, "performance")
    return Row(
        "clock governor", None, f"{', '.join(sorted(found))}: the clock follows the load", "sudo cpupower frequency-set -g performance"
    )


def load() -> list[Row]:
    """Other programs, by the load of the last minute; none where the system has no such number."""
    if not hasattr(os, "getloadavg"):
        return []
    busy, usable = os.getloadavg()[0], machine.usable_threads()
    if busy <= BUSY * usable:
        return [Row("load", True, f"{busy:.1f} in the last minute")]
    cure = "end other programs, or wait: times would have wide intervals (top shows which)"
    return [Row("load", None, f"{busy:.1f} in the last minute on {usable} threads: other programs are running", cure)]
