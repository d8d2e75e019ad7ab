"""Sessions that stay loaded while several groups are measured: each file of a runtime in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.fleet import NUMBERED, Fleet, runtime_of
from bench.runner import Runner, RunnerError
from contract.errors import ConcordError
from contract.machine import usable_threads
from contract.matrix import Cell
from contract.protocol import LoadArgs, Loaded

# Runner, provider, file.
Key = tuple[str, str, Path]


class Sessions:
    """Loaded models by runner, provider and file: loaded on first use, gone with their runner.

    Two sessions in one process disturb each other: ONNX Runtime's threads spin for some 50 ms after a forward, and the next session's
    forward then shares the cores with them. That made ratios of variants scatter three times as much (METHODOLOGY.md).
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._loaded: dict[Key, Loaded] = {}
        self._failed: dict[Key, ConcordError] = {}
        self._numbers: dict[tuple[str, str], int] = {}

    def name(self, cell: Cell) -> str:
        """The name of the runner that has this cell's session: one for each variant of a runtime."""
        number = self._numbers.setdefault((cell.runtime, cell.variant), len(self._numbers) + 1)
        return f"{cell.runtime}{NUMBERED}{number}"

    def start(self, cells: Iterable[Cell]) -> None:
        """Start the processes of these cells, all at once, and wait until they can answer."""
        self._fleet.start(dict.fromkeys(map(self.name, cells)))
        self._fleet.ready()

    def runner(self, cell: Cell) -> Runner:
        """The runner that has this cell's session, all others frozen."""
        return self._fleet.only(self.name(cell))

    def frozen_beside(self, cell: Cell) -> tuple[int, ...]:
        """Process ids of the runners that stand still while this cell is measured."""
        return self._fleet.frozen_beside(self.name(cell))

    def get(self, cell: Cell, model: Path) -> Loaded:
        """The session of a cell. Raises RunnerError when another provider is in use than was asked for."""
        key = self._key(cell, model)
        if key in self._failed:
            raise self._failed.pop(key)
        if key not in self._loaded:
            self._loaded[key] = self._load(self._fleet.only(key[0]), key)
        return self._loaded[key]

    def load_side_by_side(self, wanted: Sequence[tuple[Cell, Path]]) -> None:
        """Load what these cells need in all their runners at once: creating a session keeps one core busy. What fails, `get` raises."""
        todo: dict[str, list[Key]] = {}
        for key in dict.fromkeys(self._key(cell, model) for cell, model in wanted):
            if key not in self._loaded:
                todo.setdefault(key[0], []).append(key)
        self._fleet.together(todo)
        # A runner that could not start is not asked here: `get` tells why.
        started = [name for name in todo if self._fleet.running(name)]
        # No more at once than there are cores: nine of them took longer than two did.
        with ThreadPoolExecutor(usable_threads()) as pool:
            try:
                list(pool.map(lambda name: self._load_all(self._fleet.runner(name), todo[name]), started))
            except BaseException:
                self._fleet.stop()  # otherwise the pool would wait for answers that nobody wants
                raise

    def drop(self, cell: Cell | None = None) -> None:
        """End the runner of a cell (or all of them) and forget its sessions; the next use starts a fresh process."""
        name = None if cell is None else self.name(cell)
        self._fleet.stop(name, at_once=True)
        self._loaded = {key: loaded for key, loaded in self._loaded.items() if name is not None and key[0] != name}
        self._failed = {key: error for key, error in self._failed.items() if name is not None and key[0] != name}

    def release(self) -> None:
        """Unload everything, the runners stay: the next backbone needs the memory. A runner that cannot is ended."""
        for key, loaded in self._loaded.items():
            # One that was ended here took its other sessions with it: a fresh one would not know them.
            if self._fleet.running(key[0]):
                try:
                    self._fleet.only(key[0]).unload(loaded.id)
                except RunnerError:
                    self._fleet.stop(key[0])
        self._loaded, self._failed = {}, {}

    def _key(self, cell: Cell, model: Path) -> Key:
        return self.name(cell), cell.provider, model

    def _load_all(self, runner: Runner, keys: list[Key]) -> None:
        for key in keys:
            try:
                self._loaded[key] = self._load(runner, key)
            except ConcordError as error:
                self._failed[key] = error
                if isinstance(error, RunnerError):
                    return  # it may be dead or out of step

    def _load(self, runner: Runner, key: Key) -> Loaded:
        name, provider, model = key
        loaded = runner.load(LoadArgs(str(model), provider, self._fleet.options))
        check_provider(loaded, provider, f"{runtime_of(name)}: load")
        return loaded


def check_provider(loaded: Loaded, asked: str, where: str) -> None:
    """Raise RunnerError where another provider is in use than was asked for."""
    if loaded.providers[:1] != (asked,):
        raise RunnerError(f"asked for {asked}, runs on {', '.join(loaded.providers)}", where=where)
