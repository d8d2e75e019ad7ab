"""What this machine has and lacks, each row with the line that cures it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console

from bench import environment, runtimes
from bench.build import TOOLCHAIN, search_path
from bench.fleet import BOTH, same_library
from bench.report.table import Table, show
from bench.runner import Runner
from contract import machine, strict
from contract.errors import ENVIRONMENT, GOOD, ConcordError
from contract.options import Options, select
from contract.protocol import Receipt

LEAST_FREE = 5e9


@dataclass(frozen=True)
class Row:
    """One finding: `good` True, False (a run fails), or None (a run works, with less)."""

    what: str
    good: bool | None
    found: str
    cure: str = ""


def examine(options: Options) -> int:
    """Print the table, or with --json the rows; exit code 3 when something is missing that a run needs."""
    receipts: dict[str, Receipt] = {}
    rows = [*tools(), *packages(), *disk(options)]
    rows += [runner(name, receipts) for name in select(options).defaults.runtime]
    rows.append(one_library(receipts))
    code = ENVIRONMENT if any(row.good is False for row in rows) else GOOD
    if options.output_json:
        print(strict.pretty({"rows": rows, "exit_code": code}), end="")
        return code
    marks = {True: "ok", None: "note", False: "MISSING"}
    table = Table("doctor", ("what", "", "found", "cure"), [(row.what, marks[row.good], row.found, row.cure) for row in rows])
    show([table], Console(width=max(120, Console().width)))
    return code


def tools() -> list[Row]:
    """Programs outside Python."""
    path = search_path()
    cargo, nasm = shutil.which("cargo"), shutil.which("nasm", path=path)
    return [
        Row("Python", sys.version_info >= (3, 11), platform.python_version(), "Python 3.11 or newer"),
        Row("threads", True, f"{machine.usable_threads()} usable ({machine.cpu_model()})"),
        Row("cargo", cargo is not None, _version("cargo") if cargo else "not on PATH", "" if cargo else TOOLCHAIN),
        Row(
            "cmake", shutil.which("cmake", path=path) is not None, shutil.which("cmake", path=path) or "not found", "nox installs its wheel"
        ),
        Row("nasm", True if nasm else None, nasm or "not found: the Rust JPEG decoder has no SIMD", "" if nasm else "apt-get install nasm"),
    ]


def packages() -> list[Row]:
    """Python packages, and the two ONNX Runtime wheels that overwrite each other."""
    found = environment.packages()
    rows = [Row(name, True, version) for name, version in found.items()]
    if "onnxruntime" in found and "onnxruntime-gpu" in found:
        cure = "delete .venv and run any nox session"
        rows.append(Row("one ONNX Runtime", False, "both onnxruntime and onnxruntime-gpu are installed, and share their files", cure))
    try:
        metadata.version("torch")
    except metadata.PackageNotFoundError:
        rows.append(Row("torch", False, "not installed", "run any nox session: it installs the locked requirements"))
    return rows


def disk(options: Options) -> list[Row]:
    """Room for artifacts and reports."""
    rows = []
    for name, folder in (("artifacts", options.artifacts), ("reports", options.reports)):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        rows.append(Row(f"disk for {name}", free >= LEAST_FREE, f"{free / 1e9:.0f} GB free", f"--{name} DIR on another disk"))
    return rows


def runner(name: str, receipts: dict[str, Receipt]) -> Row:
    """Start a runner and read its receipt."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Runner(runtimes.find(name), BOTH, Path(folder) / f"{name}.log") as started:
                receipts[name] = receipt = started.hello()
        except ConcordError as error:
            return Row(name, False, error.what.partition("\n")[0], error.next or "nox -s build")
    simd = {True: ", JPEG with SIMD", False: ", JPEG without SIMD", None: ""}[receipt.jpeg_simd]
    return Row(
        name, True, f"{receipt.version} {(receipt.commit or '')[:9]}, {receipt.build}, providers {', '.join(receipt.providers)}{simd}"
    )


def one_library(receipts: dict[str, Receipt]) -> Row:
    """Whether Python and Rust run the same ONNX Runtime build."""
    pair = [receipts[name] for name in ("ort-python", "ort-rust") if name in receipts]
    if len(pair) < 2:
        return Row("the same ONNX Runtime", None, "not both runners start")
    good = same_library(*pair)
    return Row(
        "the same ONNX Runtime", good, "yes, by version and commit" if good else "no", "" if good else "delete .venv, then nox -s build"
    )


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
