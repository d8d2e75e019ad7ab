"""What a trial, or parity, stands on: the machine, the programs and the files, none of which may change where it is gone on with."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

from bench import environment
from bench.fleet import Fleet
from contract import artifact, machine
from contract.layout import short_hash
from contract.protocol import Option, Receipt


@dataclass(frozen=True)
class Build:
    """What a runner said that it is."""

    version: str
    commit: str | None
    library_sha256: str
    source: str
    jpeg: str
    process: dict[str, Option]
    packages: dict[str, str]


@dataclass(frozen=True)
class Ground:
    """`code`: hash of what judges, `cpu_flags`: of the list of them. `threads`: of each runner. `files`: sha256 by name.

    `gpu`: with its driver, as nvidia-smi says it.
    """

    cpu: str
    cpu_flags: str
    usable_threads: int
    gpu: str | None
    system: str
    threads: int
    code: str
    files: dict[str, str]
    runners: dict[str, Build]

    @property
    def machine(self) -> str:
        """The machine in words."""
        return f"{self.cpu}, {self.usable_threads} threads, {self.system}"


def look(fleet: Fleet, names: Sequence[str], files: dict[str, str]) -> Ground:
    """Look at the machine, and ask these runners, started all at once, what they are."""
    fleet.start(names)
    return Ground(
        cpu=machine.cpu_model(),
        cpu_flags=short_hash(machine.cpu_flags()),
        usable_threads=machine.usable_threads(),
        gpu=environment.gpu(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        threads=fleet.threads,
        code=code(),
        files=files,
        runners={name: _build(fleet.runner_receipt(name)) for name in names},
    )


def code() -> str:
    """Hash of what judges."""
    return artifact.package_hash("bench", "contract")


def _build(said: Receipt) -> Build:
    return Build(said.version, said.commit, said.library_sha256, said.source, said.jpeg, said.process, said.packages)
