"""reports/<run>/raw/: every timed block in the order in which it was measured, and the manifests of what was measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bench.results import Block, Results
from bench.subject import Subject
from contract import artifact, manifest, strict
from contract.errors import DataError
from contract.matrix import Cell

RAW, BLOCKS = "raw", "blocks.jsonl"


@dataclass(frozen=True)
class Line:
    """One line of blocks.jsonl."""

    cell: Cell
    block: Block


def chronological(results: Results) -> list[Line]:
    """Every block of a run, as they followed each other."""
    lines = [Line(cell.cell, block) for cell in results.cells for block in cell.blocks]
    return sorted(lines, key=lambda line: line.block.began_ns)


def write_blocks(results: Results, folder: Path) -> None:
    """Write blocks.jsonl."""
    (folder / RAW).mkdir(exist_ok=True)
    # Keys stay in their order: that of an image's stages is read from here again.
    lines = [json.dumps(strict.plain(line), allow_nan=False, ensure_ascii=False) for line in chronological(results)]
    artifact.write_text(folder / RAW / BLOCKS, "".join(f"{line}\n" for line in lines))


def read_blocks(folder: Path) -> list[Line]:
    """Raises DataError when there is no such file, or when it is damaged."""
    path = folder / RAW / BLOCKS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as fault:
        raise DataError("this run has no raw measurements", where=str(path), next="nox -s bench makes a run that has them") from fault
    with strict.mended_by("measure again (nox -s bench): what a damaged file holds no longer proves this run"):
        return [strict.decode(Line, strict.loads(line, where), where) for n, line in enumerate(lines, 1) for where in [f"{path}:{n}"]]


def write_manifests(subjects: list[Subject], folder: Path) -> None:
    """Copy train.json and export.json of every subject: what was measured, by sha256."""
    for subject in subjects:
        kept = folder / RAW / subject.train.dataset / subject.train.backbone
        kept.mkdir(parents=True, exist_ok=True)
        for name, made in ((manifest.TRAIN, subject.train), (manifest.EXPORT, subject.export)):
            artifact.write_text(kept / name, strict.pretty(made))
