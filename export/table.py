"""The table that a run ends with."""

from __future__ import annotations

from collections.abc import Callable

from contract.manifest import ExportManifest, VariantFile, WeightsHad
from contract.weights import started

Say = Callable[[str], None]
HEAD = ("variant", "nodes", "MB", "max |difference|", "seconds", "")


def variants(done: list[ExportManifest], had: list[WeightsHad]) -> str:
    """One block per backbone with its weights: nodes before -> after, size, largest difference from PyTorch eager over batches, seconds."""
    return "\n\n".join(_block(entry, weights.had) for entry, weights in zip(done, had, strict=True))


def _block(done: ExportManifest, had: str) -> str:
    rows = [HEAD, *(_row(entry) for entry in done.variants)]
    rows += [(entry.name, "failed:", entry.why, "", "", "") for entry in done.failed]
    widths = [max(len(row[place]) for row in rows[: len(done.variants) + 1]) for place in range(len(HEAD))]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([started(f"{done.dataset}/{done.backbone}", had), *lines, *(f"  {note}" for note in done.notes)])


def _row(entry: VariantFile) -> tuple[str, ...]:
    before, after = sum(entry.nodes_before.values()), sum(entry.nodes.values())
    nodes = f"{before} -> {after}" if entry.simplify else str(after)
    worst = f"{max(entry.max_difference.values()):.1e}"
    said = "onnxsim changed nothing" if entry.changed_nothing else ""
    return entry.name, nodes, f"{entry.bytes / 1e6:.1f}", worst, f"{entry.seconds:.1f}", said
