"""The runners of a run: started, asked who they are, checked against each other, restarted, ended."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from bench import runtimes
from bench.measure import budget, comparable
from bench.runner import Runner, RunnerError, RunnerLate
from bench.runtimes import Descriptor
from contract.errors import ConcordError, EnvironmentFault
from contract.protocol import Option, Receipt

BOTH = ("cpu", "cuda")
# Fewer runtimes have nobody to be compared with.
LEAST_COMPARED = 2
# Explicit and equal everywhere: ONNX Runtime's own default is blind to cgroups and pins its threads (rust.md 1.4).
OPTIONS: dict[str, Option] = {"inter_threads": 1, "spinning": True, "optimization": "all", "arena": True, "memory_pattern": True}


# Between a runtime's name and the number of one of its processes.
NUMBERED = "~"


def runtime_of(name: str) -> str:
    """The runtime of a runner: `ort-python~2` is one of several processes of ort-python."""
    return name.partition(NUMBERED)[0]


@dataclass
class Fleet:
    """Runners by name: that of their runtime, numbered where one has several. A context manager: nothing is left behind."""

    names: tuple[str, ...]
    threads: int
    logs: Path
    providers: tuple[str, ...] = ("cpu",)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    # Seconds an image that a runner may take before it counts as hanging, and those that did hang, with what was seen.
    patience: dict[str, float] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    # Runners that stand in for a runtime's own: seeded faults.
    instead: dict[str, Descriptor] = field(default_factory=dict)
    _runners: dict[str, Runner] = field(default_factory=dict)
    _starting: dict[str, Runner] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def options(self) -> dict[str, Option]:
        """The options that every session of the run is asked for."""
        return {"threads": self.threads, **OPTIONS}

    def runner(self, name: str) -> Runner:
        """The running runner of a runtime, started when it is not."""
        if name not in self._runners:
            made = self._starting.pop(name, None) or self._start(name)
            self._runners[name] = made
            try:
                self._accept(name, made.hello())
            except BaseException:
                self.stop(name)  # whoever asks again gets a fresh process, not this one unasked
                raise
        return self._runners[name]

    def start(self, names: Iterable[str] | None = None) -> None:
        """Start all processes (or these) at once: each spends seconds on imports and library hashes before it can answer."""
        for name in self.names if names is None else names:
            if name not in self._runners | self._starting:
                self._starting[name] = self._start(name)

    def taking_part(self, generation: int, least: int) -> tuple[str, ...]:
        """The runtimes that are measured in this generation of processes, of which there are at least so many.

        All of them, where fewer than two start quickly.
        """
        slow = [name for name in self.names if self._descriptor(name).slow_start]
        if len(self.names) - len(slow) < LEAST_COMPARED:
            return self.names
        return tuple(name for name in self.names if name not in slow or budget.slow_one_takes_part(generation, least))

    def running(self, name: str) -> bool:
        """Whether this runner has been started and has said who it is."""
        return name in self._runners

    def together(self, names: Iterable[str]) -> None:
        """Thaw these runners, for work that nobody times; a runner that cannot start says so where it is asked."""
        for name in names:
            with suppress(ConcordError):
                self.runner(name).thaw()

    def ready(self) -> None:
        """Wait until every started process has said who it is."""
        for name in list(self._starting):
            # One that cannot is asked once more where it is needed, and its failure told there.
            with suppress(ConcordError):
                self.runner(name)

    def _start(self, name: str) -> Runner:
        return Runner(self._descriptor(name), self.providers, self.logs / f"{name}.log")

    def _descriptor(self, name: str) -> Descriptor:
        return self.instead.get(runtime_of(name)) or runtimes.find(runtime_of(name))

    def only(self, name: str) -> Runner:
        """The runner of a runtime, thawed, and all others frozen. Raises RunnerError for one that was given up."""
        if name in self.given_up:
            raise RunnerError(f"is not asked again: {self.given_up[name]}", where=name, next="nox -s doctor")
        chosen = self.runner(name)
        for other in self._runners.values():
            if other is not chosen:
                other.freeze()
        chosen.thaw()
        return chosen

    def frozen_beside(self, name: str) -> tuple[int, ...]:
        """Process ids of the runners that stand still while `name` runs; thaws `name`."""
        chosen = self.only(name)
        return tuple(other.pid for other in self._runners.values() if other is not chosen)

    def stop(self, name: str | None = None, *, at_once: bool = False) -> None:
        """End all runners, or one of them (it may be dead already); peak memory is noted first.

        `at_once`: they are killed, without being asked to quit: what torch does before it quits takes more than a second.
        """
        # A stack: Ctrl-C while one is being closed still closes the others.
        with ExitStack() as closing:
            for running in (self._runners, self._starting):
                for key in [name] if name else list(running):
                    ended = running.pop(key, None)
                    if ended is not None:
                        runtime = runtime_of(key)
                        self.peak_bytes[runtime] = max(self.peak_bytes.get(runtime, 0), ended.peak_bytes() or 0)
                        closing.callback(ended.kill if at_once else ended.close)

    def lost(self, name: str, error: Exception) -> None:
        """A runner failed: it is ended, and given up when it hung, for each further question would wait as long."""
        self.stop(name)
        if isinstance(error, RunnerLate):
            self.given_up[name] = str(error).partition("\n")[0]

    def choose_providers(self, device: str, reference: str) -> tuple[str, ...]:
        """Execution providers of the run: CPU, and CUDA as well where every runtime has it (device = auto).

        Raises EnvironmentFault for device = cuda when a runtime lacks it.
        """
        if device == "cpu":
            return ("cpu",)
        # A runner can say that it uses CUDA only when it was started with CUDA's libraries.
        self.providers = BOTH
        names = tuple(dict.fromkeys((reference, *self.names)))
        if device == "auto" and "cuda" not in self.runner_receipt(reference).providers:
            return self._settle(("cpu",))
        lacking = [name for name in names if "cuda" not in self.runner_receipt(name).providers]
        if device == "cuda":
            if lacking:
                raise EnvironmentFault(
                    f"CUDA was asked for, and {', '.join(lacking)} cannot use it", where="--device cuda", next="nox -s doctor"
                )
            return self._settle(("cuda",))
        if lacking:
            print(f"note: {reference} can use CUDA, {', '.join(lacking)} cannot: the CPU is used; next: nox -s doctor", file=sys.stderr)
        return self._settle(("cpu",) if lacking else BOTH)

    def _settle(self, providers: tuple[str, ...]) -> tuple[str, ...]:
        """Take these providers, and end the runners that would have been started otherwise for them."""
        asked, self.providers = self.providers, providers
        for name in list(self._runners):
            command = self._descriptor(name).command
            if command(asked) != command(providers):
                self.stop(name)
        return providers

    def runner_receipt(self, name: str) -> Receipt:
        """What a runtime said of itself."""
        self.runner(name)
        return self.receipts[name]

    def _accept(self, name: str, receipt: Receipt) -> None:
        earlier = self.receipts.setdefault(runtime_of(name), receipt)
        if (earlier.version, earlier.library_sha256) != (receipt.version, receipt.library_sha256):
            raise RunnerError(f"was {earlier.version} and is {receipt.version} now: it changed during the run", where=name)
        key = comparable.changed(earlier, receipt)
        if key is not None:
            raise RunnerError(f"changed during the run: {key}", where=name, next="leave the machine and its runners as they are")


def same_library(one: Receipt, other: Receipt) -> bool:
    """Whether two runners execute models by the same build of the same library: version and commit (DESIGN.md section 5)."""
    return one.version == other.version and comparable.same_commit(one.commit, other.commit)
