"""Sessions that stay loaded in their runners while several groups are measured."""

from __future__ import annotations

from pathlib import Path

from bench.fleet import Fleet
from bench.runner import RunnerError
from contract.matrix import Cell
from contract.protocol import LoadArgs, Loaded


class Sessions:
    """Loaded models by runtime, provider and file: loaded on first use, gone with their runner."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._loaded: dict[tuple[str, str, Path], Loaded] = {}

    def get(self, cell: Cell, model: Path) -> Loaded:
        """The session of a cell. Raises RunnerError when another provider is in use than was asked for."""
        key = (cell.runtime, cell.provider, model)
        if key not in self._loaded:
            loaded = self._fleet.only(cell.runtime).load(LoadArgs(str(model), cell.provider, self._fleet.options))
            if loaded.providers[:1] != (cell.provider,):
                raise RunnerError(f"asked for {cell.provider}, runs on {', '.join(loaded.providers)}", where=f"{cell.runtime}: load")
            self._loaded[key] = loaded
        return self._loaded[key]

    def drop(self, runtime: str | None = None) -> None:
        """End a runtime's runner (or all of them) and forget its sessions; the next use starts a fresh process."""
        self._fleet.stop(runtime)
        self._loaded = {key: loaded for key, loaded in self._loaded.items() if runtime is not None and key[0] != runtime}

    def release(self) -> None:
        """Unload everything, the runners stay: the next backbone needs the memory. A runner that cannot is ended."""
        for key, loaded in list(self._loaded.items()):
            if key in self._loaded:  # otherwise its runner is gone already
                try:
                    self._fleet.only(key[0]).unload(loaded.id)
                except RunnerError:
                    self.drop(key[0])
        self._loaded = {}
