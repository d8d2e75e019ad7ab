"""What this machine is, as far as a process may use it."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def usable_threads() -> int:
    """CPUs this process may use: the smaller of its affinity and its cgroup quota, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return max(1, affinity if quota is None else min(affinity, int(quota)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """CPUs that the cgroup allows, or None without a limit."""
    limit = cgroup_limit(root)
    return None if limit is None else limit[0] / limit[1]


def cgroup_text(root: Path = Path("/sys/fs/cgroup")) -> str:
    """The limit as `150000 of 100000 us`, or `unlimited`. The period counts, too: it is how long a throttled process waits."""
    limit = cgroup_limit(root)
    return "unlimited" if limit is None else f"{limit[0]} of {limit[1]} us"


def cgroup_limit(root: Path) -> tuple[int, int] | None:
    """Microseconds of CPU time in each period of so many, or None without a limit.

    Kernel documentation: v2 `cpu.max`, v1 `cpu.cfs_quota_us`.
    """
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            limit, period = " ".join((root / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        return None if limit in ("max", "-1") else (int(limit), int(period))
    return None


def cpu_flags() -> list[str]:
    """Sorted CPU feature names, [] where there is no /proc/cpuinfo."""
    return sorted(_cpuinfo("flags").split())


def cpu_model() -> str:
    """The CPU's own name, or the platform's word for it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
