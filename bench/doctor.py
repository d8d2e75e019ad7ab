"""What this machine has and lacks, each row with the command that mends it.

It is for broken environments: on the way to its rows only the standard library is needed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench import runtimes
from bench.checkup import building, cores, cure, data, gpu, packages
from bench.checkup.row import Row
from bench.fleet import BOTH, same_library
from bench.runner import Runner, RunnerLate
from bench.runtimes import Descriptor, ort_rust
from contract import strict
from contract.errors import ENVIRONMENT, GOOD, ConcordError, EnvironmentFault, printable
from contract.options import Options, select
from contract.protocol import Receipt

MARKS = {True: "ok", None: "warning", False: "error"}
NAMED_LIBRARY = "ORT_DYLIB_PATH"
# How the last lines of a runner that died stand in what is said of it.
QUOTED = "  | "
AGAIN = f"{cure.DOCTOR} # once more, when the machine has less to do"


def examine(options: Options) -> int:
    """Print the table, or with --json the rows; exit code 3 when something is missing that a run needs."""
    rows = findings(options)
    code = ENVIRONMENT if any(row.good is False for row in rows) else GOOD
    if options.output_json:
        print(strict.pretty({"rows": rows, "exit_code": code}), end="")
    else:
        tell(rows)
    return code


def tell(rows: list[Row]) -> None:
    """A table, or plain lines where rich, which draws it, is what is missing."""
    try:
        from rich.console import Console  # noqa: PLC0415

        from bench.report import terminal  # noqa: PLC0415
        from bench.report.table import Table  # noqa: PLC0415
    except ImportError:
        print(plain(rows))
        return
    table = Table("doctor", ("what", "", "found", "cure"), [(row.what, MARKS[row.good], row.found, row.cure) for row in rows])
    console = Console()
    terminal.show([table], console if console.file.isatty() else Console(width=max(120, console.width)))


def plain(rows: list[Row]) -> str:
    """A line each, its cure below it."""
    lines = [f"{MARKS[row.good]:<8}{row.what}: {row.found}" + (f"\n{'':<8}cure: {row.cure}" if row.cure else "") for row in rows]
    return printable("\n".join(lines), keep="\n")


def findings(options: Options) -> list[Row]:
    """All rows. Raises UsageError and DataError for a matrix.toml or a choice that makes no sense."""
    matrix = select(options)
    names = matrix.defaults.runtime
    receipts: dict[str, Receipt] = {}
    # The load first: what is started here counts in it.
    parts: list[tuple[str, Callable[[], list[Row]]]] = [
        ("cores and load", cores.rows),
        ("packages", packages.rows),
        ("compilers", lambda: building.rows(wanted="ort-rust" in names)),
        *((f"starting {name}", partial(started, name, receipts)) for name in names),
        ("libraries", lambda: [*one_library(names, receipts), *named_library()]),
        ("CUDA", lambda: gpu.rows(receipts, wanted=matrix.defaults.device == "cuda")),
        ("data sets and disk", lambda: data.rows(options, matrix)),
    ]
    return list(taken(parts))


def taken(parts: list[tuple[str, Callable[[], list[Row]]]]) -> Iterator[Row]:
    """The rows of all parts, with a bar on a terminal, unless rich, which draws it, is what is missing."""
    try:
        from bench.progress import Steps  # noqa: PLC0415
    except ImportError:
        for _, part in parts:
            yield from part()
        return
    with Steps(len(parts), lines=False) as progress:
        for name, part in parts:
            progress.part(name)
            yield from part()
            progress.step()


def started(name: str, receipts: dict[str, Receipt]) -> list[Row]:
    """The row of a runtime."""
    return [runner(runtimes.find(name), receipts)]


def runner(descriptor: Descriptor, receipts: dict[str, Receipt]) -> Row:
    """Start a runner and read its receipt, with the version of the library that it loaded."""
    name = descriptor.name
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Runner(descriptor, BOTH, Path(folder) / f"{name}.log") as started:
                receipts[name] = receipt = started.hello()
        except ConcordError as error:
            said, *log = error.what.splitlines() or [""]
            last = [line.removeprefix(QUOTED) for line in log if line.startswith(QUOTED)][-1:]
            return Row(name, False, ": ".join((said, *last)), next_step(name, error))
    simd = {True: ", JPEG with SIMD", False: ", JPEG without SIMD", None: ""}[receipt.jpeg_simd]
    return Row(
        name, True, f"{receipt.version} {(receipt.commit or '')[:9]}, {receipt.build}, providers {', '.join(receipt.providers)}{simd}"
    )


def next_step(name: str, error: ConcordError) -> str:
    """What the error itself says; where that is to ask here, what the runner is made of is made anew."""
    if isinstance(error, RunnerLate):
        return AGAIN
    if error.next and "nox -s doctor" not in error.next:
        return f"uvx {error.next}" if error.next.startswith("nox ") else error.next
    # The Rust program lacks something of its environment only where the wheel lacks its library.
    return cure.BUILD if name == "ort-rust" and not isinstance(error, EnvironmentFault) else cure.sync("--reinstall")


def one_library(names: tuple[str, ...], receipts: dict[str, Receipt]) -> list[Row]:
    """Whether Python and Rust run the same ONNX Runtime build, and which file it is that Rust loads; nothing where one is left out."""
    both = ("ort-python", "ort-rust")
    if not set(both) <= set(names):
        return []
    if not set(both) <= set(receipts):
        return [Row("the same ONNX Runtime", None, "not both runners start", "first the command of the one that does not")]
    python, rust = (receipts[name] for name in both)
    good = same_library(python, rust)
    said = f"{'yes, by version and commit' if good else 'no'}; Rust loads {rust.library}"
    return [Row("the same ONNX Runtime", good, said, "" if good else cure.sync(*packages.RUNTIME_ANEW))]


def named_library() -> list[Row]:
    """The library that ORT_DYLIB_PATH names: a run does not use it, infer-rs by hand does."""
    path = os.environ.get(NAMED_LIBRARY)
    if not path:
        return []
    row = runner(Descriptor(NAMED_LIBRARY, lambda _: [str(ort_rust.BINARY), "--ort-lib", path, "serve"], ort_rust.crate_source), {})
    if row.good:
        return [Row(NAMED_LIBRARY, True, f"{row.found}; infer-rs uses it by hand, a run uses the wheel's")]
    return [Row(NAMED_LIBRARY, None, f"{path}: {row.found}", f"unset {NAMED_LIBRARY} # or name a libonnxruntime")]
