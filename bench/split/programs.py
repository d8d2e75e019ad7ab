"""The chain of programs, from ort-python to ort-rust: each differs from the one before in one thing; the middle step remains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.runtimes import Descriptor, find, ort_rust

PYTHON, RUST = "ort-python", "ort-rust"
# One arena, and thresholds that do not move: glibc raises its own when a large block is freed, so where later blocks come from depends
# on what a process did before (mallopt(3)).
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
# NumPy's OpenBLAS starts a thread for each core when it is imported; they wait.
ALONE = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Program:
    """A runner that stands in a chain. `isolates`: in what it differs from the one before; `differs`: keys that say so."""

    name: str
    isolates: str
    descriptor: Descriptor
    differs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Chain:
    """Programs in order, and the name of the one whose step nothing explains."""

    programs: tuple[Program, ...]
    remains: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the programs, in order."""
        return tuple(program.name for program in self.programs)


def chain() -> Chain:
    """The chain of this checkout."""
    remains = "rust-bare"
    programs = (
        Program(PYTHON, "", find(PYTHON)),
        Program("python-lean", "the session does not record which provider owns which node", python(["--lean"])),
        Program(
            "python-alone", "NumPy's waiting threads are gone: one thread of the interpreter, and ONNX Runtime's", python(["--lean"], ALONE)
        ),
        Program("python-malloc", "malloc: one arena, fixed thresholds", python(["--lean"], ALONE | MALLOC)),
        Program("python-aligned", "input at 64 bytes, not 16", python(["--lean", "--aligned"], ALONE | MALLOC)),
        Program(
            "python-bound",
            "io-binding: input wrapped and output made beforehand",
            python(["--lean", "--aligned", "--bound"], ALONE | MALLOC),
            frozenset({"output_allocation"}),
        ),
        Program(
            "python-c",
            "libonnxruntime.so by its C function Run, not the extension's copy of ONNX Runtime and its binding",
            Descriptor(PYTHON, _with_library, find(PYTHON).source),
        ),
        Program(remains, "what remains: the same call of the same library, in a process of Rust", rust(["--aligned", "--bare"], MALLOC)),
        Program(
            "rust-run",
            "ort's run: input wrapped and output allocated in each forward",
            rust(["--aligned"], MALLOC),
            frozenset({"output_allocation"}),
        ),
        Program("rust-unaligned", "input at 16 bytes, not 64", rust([], MALLOC)),
        Program(RUST, "malloc: as many arenas as it likes, moving thresholds", find(RUST)),
    )
    return Chain(programs, remains)


def python(ways: Sequence[str], environment: dict[str, str] | None = None) -> Descriptor:
    """ort-python's own runner in other ways (infer_py/split.py)."""
    command = [*_with(environment or {}), sys.executable, "-m", "infer_py", "split", *ways]
    return Descriptor(PYTHON, lambda _providers: command, find(PYTHON).source)


def rust(ways: Sequence[str], environment: dict[str, str]) -> Descriptor:
    """ort-rust's own binary in other ways (infer_rs/src/serve/split.rs)."""
    return Descriptor(RUST, lambda providers: [*_with(environment), *ort_rust.command(providers)[:-1], "split", *ways], find(RUST).source)


def _with_library(_providers: tuple[str, ...]) -> list[str]:
    # When it is started, not before: without the wheel there is no library.
    ways = ["--lean", "--aligned", "--bound", "--library", str(ort_rust.library())]
    return python(ways, ALONE | MALLOC).command(_providers)


def _with(environment: dict[str, str]) -> list[str]:
    # env(1) replaces itself: the process is the runner.
    return ["env", *(f"{name}={value}" for name, value in environment.items())] if environment else []
