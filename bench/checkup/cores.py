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
    whole = max(1, int(allowed))
    mend = f"docker run --cpuset-cpus 0-{whole - 1} # in place of --cpus; until then keep to --threads {whole}"
    return Row("cgroup limit", None, f"{allowed:g} of {cores} CPUs: what runs over it is stopped in the middle of a sample", mend)


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
    mend = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor # in a container: on its host"
    return Row("clock governor", None, f"{', '.join(sorted(found))}: the clock follows the load", mend)


def load() -> list[Row]:
    """Other programs, by the load of the last minute; none where the system has no such number."""
    if not hasattr(os, "getloadavg"):
        return []
    busy, usable = os.getloadavg()[0], machine.usable_threads()
    if busy <= BUSY * usable:
        return [Row("load", True, f"{busy:.1f} in the last minute")]
    mend = "wait, or end what top shows first: no command mends it, and times would have wide intervals"
    return [Row("load", None, f"{busy:.1f} in the last minute on {usable} threads: other programs are running", mend)]
