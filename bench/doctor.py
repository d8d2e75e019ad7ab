"""What this machine has and lacks, each row with the command that mends it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.console import Console

from bench import runtimes
from bench.checkup import building, cores, data, gpu, packages
from bench.checkup.row import Row
from bench.fleet import BOTH, same_library
from bench.report.table import Table, show
from bench.runner import Runner
from bench.runtimes import Descriptor, ort_rust
from contract import strict
from contract.errors import ENVIRONMENT, GOOD, ConcordError
from contract.options import Options, select
from contract.protocol import Receipt

MARKS = {True: "ok", None: "warning", False: "error"}
NAMED_LIBRARY = "ORT_DYLIB_PATH"


def examine(options: Options) -> int:
    """Print the table, or with --json the rows; exit code 3 when something is missing that a run needs."""
    rows = findings(options)
    code = ENVIRONMENT if any(row.good is False for row in rows) else GOOD
    if options.output_json:
        print(strict.pretty({"rows": rows, "exit_code": code}), end="")
        return code
    table = Table("doctor", ("what", "", "found", "cure"), [(row.what, MARKS[row.good], row.found, row.cure) for row in rows])
    show([table], Console(width=max(120, Console().width)))
    return code


def findings(options: Options) -> list[Row]:
    """All rows. Raises UsageError and DataError for a matrix.toml or a choice that makes no sense."""
    matrix = select(options)
    names = matrix.defaults.runtime
    receipts: dict[str, Receipt] = {}
    # The load first: what is started here counts in it.
    rows = [*cores.rows(), *packages.rows(), *building.rows(wanted="ort-rust" in names)]
    rows += [runner(runtimes.find(name), receipts) for name in names]
    rows += [*one_library(names, receipts), *named_library(), *gpu.rows(receipts, wanted=matrix.defaults.device == "cuda")]
    return [*rows, *data.rows(options, matrix)]


def runner(descriptor: Descriptor, receipts: dict[str, Receipt]) -> Row:
    """Start a runner and read its receipt, with the version of the library that it loaded."""
    name = descriptor.name
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Runner(descriptor, BOTH, Path(folder) / f"{name}.log") as started:
                receipts[name] = receipt = started.hello()
        except ConcordError as error:
            return Row(name, False, error.what.partition("\n")[0], error.next or "nox -s build")
    simd = {True: ", JPEG with SIMD", False: ", JPEG without SIMD", None: ""}[receipt.jpeg_simd]
    return Row(
        name, True, f"{receipt.version} {(receipt.commit or '')[:9]}, {receipt.build}, providers {', '.join(receipt.providers)}{simd}"
    )


def one_library(names: tuple[str, ...], receipts: dict[str, Receipt]) -> list[Row]:
    """Whether Python and Rust run the same ONNX Runtime build, and which file it is that Rust loads; nothing where one is left out."""
    both = ("ort-python", "ort-rust")
    if not set(both) <= set(names):
        return []
    if not set(both) <= set(receipts):
        return [Row("the same ONNX Runtime", None, "not both runners start", "see the rows of the runners")]
    python, rust = (receipts[name] for name in both)
    good = same_library(python, rust)
    said = f"{'yes, by version and commit' if good else 'no'}; Rust loads {rust.library}"
    return [Row("the same ONNX Runtime", good, said, "" if good else "delete .venv, then nox -s build")]


def named_library() -> list[Row]:
    """The library that ORT_DYLIB_PATH names: a run does not use it, infer-rs by hand does."""
    path = os.environ.get(NAMED_LIBRARY)
    if not path:
        return []
    row = runner(Descriptor(NAMED_LIBRARY, lambda _: [str(ort_rust.BINARY), "--ort-lib", path, "serve"], ort_rust.crate_source), {})
    if row.good:
        return [Row(NAMED_LIBRARY, True, f"{row.found}; infer-rs uses it by hand, a run uses the wheel's")]
    return [Row(NAMED_LIBRARY, None, f"{path}: {row.found}", f"unset {NAMED_LIBRARY}, or name a libonnxruntime")]
