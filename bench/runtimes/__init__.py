"""One small descriptor per runtime: how its runner is started, and what it runs. A new runtime is one file here and its program."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from contract.errors import UsageError, nearest


@dataclass(frozen=True)
class Descriptor:
    """A runtime.

    `command(providers)` is the runner's command line; it raises EnvironmentFault with the cure when a part is missing.
    `source()` is the hash that a runner of this checkout reports. `slow_start`: its process takes seconds to start, and is measured in
    fewer generations than the others. `library`: what executes its models, where other runtimes have it, too; their versions must be equal.
    """

    name: str
    command: Callable[[tuple[str, ...]], list[str]]
    source: Callable[[], str]
    slow_start: bool = False
    library: str | None = None


def known() -> list[str]:
    """Names of all runtimes that have a descriptor."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)]


def library(name: str) -> str:
    """What executes a runtime's models; a runtime that has no descriptor here, of another checkout's run, has a library of its own."""
    return (find(name).library if name in known() else None) or name


def find(name: str) -> Descriptor:
    """The descriptor of a runtime. Raises UsageError with the nearest known name."""
    if name not in known():
        raise UsageError(
            f"unknown runtime '{name}'; {nearest(name, known())}", where="bench/runtimes", next="name one of these: " + ", ".join(known())
        )
    descriptor = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").DESCRIPTOR
    assert isinstance(descriptor, Descriptor)
    return descriptor
