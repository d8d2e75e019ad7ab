"""The stored run that is gated against: its files, verified, as twins of today's cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.gate.keep import FOLDER, INDEX, Index, KeptFile
from bench.measure.pairs import OLD
from bench.report.stored import folder_of
from bench.timed import Gate, OldFile
from contract import artifact, strict
from contract.errors import DataError, UsageError
from contract.matrix import Cell, Scenario

# Data set, backbone, variant: what a file is found by.
Name = tuple[str, str, str]
Scenarios = Sequence[tuple[Scenario, list[tuple[Cell, Path]]]]
ANEW = "measure the old files with this version (nox -s bench), keep that run's folder, and gate against it"


@dataclass(frozen=True)
class OldRun:
    """The files of a stored run, by what they are of."""

    run: str
    folder: Path
    cpu_flags: tuple[str, ...]
    files: Mapping[Name, KeptFile]
    # A file serves many cells, and twice: it is hashed once.
    _verified: set[str] = field(default_factory=set, compare=False)

    def model(self, cell: Cell) -> Path | None:
        """The old file of a cell, verified; None where that run had none. Raises DataError for one that was changed since."""
        kept = self.files.get((cell.dataset, cell.backbone, cell.variant))
        if kept is None:
            return None
        if kept.name not in self._verified:
            remedy = "gate against another run: this one's files are not what it measured"
            artifact.verify(self.folder / FOLDER, {kept.name: kept.sha256}, remedy)
            self._verified.add(kept.name)
        return self.folder / FOLDER / kept.name

    def against(self, new: Iterable[KeptFile], threshold: float, cpu_flags: tuple[str, ...]) -> Gate:
        """The gate before anything was judged. Raises UsageError when that run has no file of any of the new names."""
        made = []
        for file in new:
            old = self.files.get((file.dataset, file.backbone, file.variant))
            if old is not None:
                same = old.program == file.program
                made.append(OldFile(file.dataset, file.backbone, file.variant, file.sha256, old.sha256, same_program=same))
        if not made:
            had = ", ".join(dict.fromkeys("/".join(name) for name in self.files)) or "none"
            raise UsageError(f"{self.run} kept no file of the chosen names; it has {had}", where="--gate", next="choose cells that it has")
        return Gate(self.run, threshold, self.cpu_flags == cpu_flags, tuple(made), ())


def open_run(name: str, reports: Path) -> OldRun:
    """The files of a run: `name` is a folder, or a name below `reports`.

    Raises UsageError for a run that does not exist or kept no files, DataError for an index that cannot be read.
    """
    folder = folder_of(name, reports, "--gate").resolve()
    path = folder / FOLDER / INDEX
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise UsageError(
            "that run kept no model files: a time that it stored is never compared with one of today, on whatever CPU it was taken",
            where=str(folder),
            next=ANEW,
        ) from fault
    with strict.mended_by(ANEW):
        index = strict.decode(Index, _this_format(strict.loads(text, str(path)), path), str(path))
    return OldRun(index.run, folder, index.cpu_flags, {(each.dataset, each.backbone, each.variant): each for each in index.files})


def with_old(scenarios: Scenarios, old: OldRun | None) -> Scenarios:
    """The scenarios of a site, each cell of a file followed by its twin with the old one."""
    if old is None:
        return scenarios
    return [(scenario, [each for pair in cells for each in (pair, *twin(pair[0], old))]) for scenario, cells in scenarios]


def must_have_twins(old: OldRun | None, sites: Iterable[Scenarios]) -> None:
    """Raise UsageError when nothing would be measured with an old file: PyTorch and cold starts are not gated."""
    cells = [cell for scenarios in sites for _, cells in scenarios for cell, _ in cells]
    if old is not None and not any(cell.variant.endswith(OLD) for cell in cells):
        raise UsageError(
            f"none of the chosen cells is measured with a file of {old.run}",
            where="--gate",
            next="choose an ONNX runtime and a scenario other than cold (--runtime, --scenario)",
        )


def twin(cell: Cell, old: OldRun) -> list[tuple[Cell, Path]]:
    """The same cell with the old file, where there is one."""
    path = old.model(cell)
    return [] if path is None else [(replace(cell, variant=cell.variant + OLD), path)]


def _this_format(data: Any, path: Path) -> Any:
    if isinstance(data, dict) and data.get("format") != Index.format:
        raise DataError(f"written in format {data.get('format')}, this version reads {Index.format}", where=str(path), next=ANEW)
    return data
