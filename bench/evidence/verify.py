"""`python -m bench verify RUN`: recompute every number of a run from its raw measurements, and say which differ."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import record, run
from bench.evidence import counts, order, raw
from bench.evidence.recompute import recompute
from bench.progress import Steps
from bench.report import write
from bench.results import Measured, Results
from contract import strict
from contract.errors import BAD, GOOD

RECORD = "benchmark.json"
MOST_SHOWN = 20
# Of the bar: reading, and those of `differences`.
STEPS = 5


@dataclass(frozen=True)
class Verified:
    """What was recomputed, and all that differs; `values`: of results.json."""

    run: str
    blocks: int
    values: int
    differences: tuple[str, ...]
    exit_code: int


def verify(folder: Path, *, as_json: bool = False) -> int:
    """Print OK, or a line for each number that does not follow; returns 0 or 1. Raises DataError for a run that cannot be read."""
    with Steps(STEPS) as progress:
        progress.part("reading results.json and the raw measurements")
        results, lines = write.load(folder), raw.read_blocks(folder)
        progress.step()
        found = tuple(differences(results, lines, folder, progress))
    numbers, code = sum(1 for _ in _leaves(strict.plain(results))), BAD if found else GOOD
    if as_json:
        print(strict.pretty(Verified(str(folder), len(lines), numbers, found, code)), end="")
        return code
    for line in found[:MOST_SHOWN]:
        print(line)
    if len(found) > MOST_SHOWN:
        print(f"and {len(found) - MOST_SHOWN} more")
    if found:
        print(f"{folder}: {len(found)} differ")
    else:
        print(f"OK: {folder}: {len(lines)} blocks, {numbers} values of results.json, and every file made from them")
    return code


def differences(results: Results, lines: list[raw.Line], folder: Path, progress: Steps) -> Iterator[str]:
    """Everything that does not follow from the raw measurements."""
    progress.part(f"computing {len(results.cells):,} cells and {len(results.parity):,} rows of parity again")
    again = recompute(results, lines)
    progress.step()
    progress.part("comparing every number")
    yield from _unequal("results.json", strict.plain(results), strict.plain(again))
    if results.exit_code != run.exit_code(again) and results.subjects:
        yield f"results.json: exit_code is {results.exit_code}, the rows and cells make it {run.exit_code(again)}"
    yield from counts.wrong(results)
    unknown = {line.cell for line in lines} - {each.cell for each in results.cells}
    yield from (f"blocks.jsonl: has blocks of {cell}, which results.json does not name" for cell in sorted(unknown, key=str))
    yield from order.wrong(lines, {each.cell for each in results.cells if each.kind == "cold"})
    progress.step()
    progress.part("making every file again")
    yield from _rendered(again, folder)
    progress.step()
    progress.part(f"comparing the samples of {RECORD}")
    yield from _recorded(results.cells, folder / RECORD)
    progress.step()


def _rendered(results: Results, folder: Path) -> Iterator[str]:
    """The files that are text made from the results alone."""
    with tempfile.TemporaryDirectory(prefix="concord-") as made:
        write.render_text(results, Path(made))
        for path in sorted(Path(made).iterdir()):
            there = folder / path.name
            if not there.is_file():
                yield f"{path.name}: is missing"
            elif there.read_bytes() != path.read_bytes():
                yield f"{path.name}: is not what results.json makes"


def _recorded(cells: tuple[Measured, ...], path: Path) -> Iterator[str]:
    """Whether pytest-benchmark's record holds the very samples."""
    there = [cell for cell in cells if not cell.error]
    named = zip(record.names([cell.cell for cell in there]), there, strict=True)
    expected = {f"test_cell[{name}]": [each for block in cell.blocks for each in block.samples_ns] for name, cell in named}
    if not path.is_file():
        if expected:
            yield f"{path.name}: is missing"
        return
    try:
        written = strict.loads(path.read_bytes(), str(path))
        recorded = {each["name"]: [round(sample * 1e9) for sample in each["stats"]["data"]] for each in written["benchmarks"]}
    except (strict.StrictError, KeyError, TypeError):
        yield f"{path.name}: is no record of pytest-benchmark"
        return
    for name in sorted(expected.keys() ^ recorded.keys()):
        yield f"{path.name}: {name} is {'missing' if name in expected else 'of no cell'}"
    for name in sorted(expected.keys() & recorded.keys()):
        if recorded[name] != expected[name]:
            yield f"{path.name}: {name} has other samples"


def _unequal(where: str, said: Any, again: Any) -> Iterator[str]:
    """The leaves in which two trees of plain data differ."""
    if isinstance(said, dict) and isinstance(again, dict) and said.keys() == again.keys():
        for key in said:
            yield from _unequal(f"{where}: {key}" if where == "results.json" else f"{where}.{key}", said[key], again[key])
    elif isinstance(said, list) and isinstance(again, list) and len(said) == len(again):
        for number, pair in enumerate(zip(said, again, strict=True)):
            yield from _unequal(f"{where}[{number}]", *pair)
    elif said != again:
        yield f"{where} is {_short(said)}, the raw measurements make it {_short(again)}"


def _short(value: Any) -> str:
    text = strict.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _leaves(value: Any) -> Iterator[object]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
