"""Both programs in fresh processes, one at a time: each counts its own ways of calling one session."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import runtimes
from bench.runtimes import ort_rust
from contract import strict
from contract.errors import EnvironmentFault
from contract.layout import CHECKOUT
from contract.overhead import Counted

# What ends a program that hangs; a process takes seconds.
SECONDS = 600.0
# Command lines by runtime, without the options.
Programs = Mapping[str, list[str]]


@dataclass(frozen=True)
class Amount:
    """How much is counted: processes of each program, blocks of each way in a process, calls in a block."""

    processes: int
    blocks: int
    calls: int


def commands(model: Path) -> dict[str, list[str]]:
    """Raises EnvironmentFault where the Rust binary is not built or the library not installed."""
    rust = ort_rust.command(("cpu",))[:-1]
    return {"ort-rust": [*rust, "overhead", str(model)], "ort-python": [sys.executable, "-m", "infer_py", "overhead", str(model)]}


def count(
    programs: Programs,
    amount: Amount,
    seed: int,
    begins: Callable[[str], None] = lambda _: None,
    over: Callable[[], None] = lambda: None,
) -> dict[str, tuple[Counted, ...]]:
    """Per runtime what each of its processes counted; the programs alternate, and which goes first does, too.

    `begins` and `over` are called around each process. Raises EnvironmentFault for a program that fails, hangs, is stale, or runs another
    ONNX Runtime than the others.
    """
    found: dict[str, list[Counted]] = {name: [] for name in programs}
    for process in range(amount.processes):
        for name in list(programs)[:: 1 if process % 2 == 0 else -1]:
            begins(f"process {process + 1} of {amount.processes}: {name}")
            options = {"threads": 1, "calls": amount.calls, "blocks": amount.blocks, "seed": seed + process}
            words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
            found[name].append(_counted(name, [*programs[name], *words, "--json"]))
            over()
    versions = {name: (each[0].receipt.version, (each[0].receipt.commit or "")[:7]) for name, each in found.items()}
    if len(set(versions.values())) != 1:
        said = "; ".join(f"{name} {version} {commit}" for name, (version, commit) in versions.items())
        raise EnvironmentFault(f"the programs run different builds of ONNX Runtime: {said}", where="overhead", next="nox -s doctor")
    return {name: tuple(each) for name, each in found.items()}


def _counted(name: str, command: list[str]) -> Counted:
    try:
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except OSError as fault:
        raise EnvironmentFault(f"cannot be started: {fault.strerror}", where=f"{name}: {command[0]}", next="nox -s doctor") from fault
    except subprocess.TimeoutExpired as fault:
        raise EnvironmentFault(f"did not end within {SECONDS:.0f} s", where=f"{name}: overhead", next="nox -s doctor") from fault
    if done.returncode != 0:
        said = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise EnvironmentFault(f"ended with exit code {done.returncode}: {said}", where=f"{name}: overhead", next="nox -s doctor")
    counted = strict.decode(Counted, strict.loads(done.stdout, f"{name}: overhead"), f"{name}: overhead")
    if counted.receipt.source != runtimes.find(name).source() or counted.receipt.build == "debug":
        raise EnvironmentFault("is a debug build, or was built from other sources than this checkout's", where=name, next="nox -s build")
    return counted
