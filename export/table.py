"""The table that a run ends with."""

from __future__ import annotations

from collections.abc import Callable

from contract.manifest import ExportManifest, VariantFile

Say = Callable[[str], None]
HEAD = ("variant", "nodes", "MB", "max |difference|", "seconds", "")


def variants(done: list[ExportManifest]) -> str:
    """One block per backbone: nodes before -> after, size, largest difference from PyTorch eager over the batch sizes, seconds."""
    return "\n\n".join(_block(entry) for entry in done)


def _block(done: ExportManifest) -> str:
    rows = [HEAD, *(_row(entry) for entry in done.variants)]
    rows += [(entry.name, "failed:", entry.why, "", "", "") for entry in done.failed]
    widths = [max(len(row[place]) for row in rows[: len(done.variants) + 1]) for place in range(len(HEAD))]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([f"{done.dataset}/{done.backbone}", *lines, *(f"  {note}" for note in done.notes)])


def _row(entry: VariantFile) -> tuple[str, ...]:
    before, after = sum(entry.nodes_before.values()), sum(entry.nodes.values())
    nodes = f"{before} -> {after}" if entry.simplify else str(after)
    worst = f"{max(entry.max_difference.values()):.1e}"
    said = "onnxsim changed nothing" if entry.changed_nothing else ""
    return entry.name, nodes, f"{entry.bytes / 1e6:.1f}", worst, f"{entry.seconds:.1f}", said
