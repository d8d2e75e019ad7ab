"""What the machine is that was measured on; its name is left out."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata

from bench.results import Environment
from contract import machine
from contract.layout import CHECKOUT

PACKAGES = ("torch", "torchvision", "onnx", "onnxscript", "onnxsim", "onnxruntime", "onnxruntime-gpu", "numpy", "pillow", "scipy")


def describe() -> Environment:
    """CPU, GPU, memory, limits, packages, and the commit of this checkout."""
    commit = _run("git", "-C", str(CHECKOUT), "rev-parse", "HEAD")
    status = _run("git", "-C", str(CHECKOUT), "status", "--porcelain")
    return Environment(
        cpu=machine.cpu_model(),
        cpu_flags=tuple(machine.cpu_flags()),
        threads=machine.usable_threads(),
        memory_bytes=memory_bytes(),
        cgroup_cpus=machine.cgroup_quota(),
        gpu=gpu(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        packages=packages(),
        commit=commit,
        dirty=None if status is None else bool(status),
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def gpu() -> str | None:
    """Name and driver of each NVIDIA GPU, a line each; None where there is none."""
    return _run("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def packages() -> dict[str, str]:
    """Versions of the installed packages that numbers depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # one of the two onnxruntime packages is always absent
    return found


def memory_bytes() -> int | None:
    """Physical memory, or None where the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
