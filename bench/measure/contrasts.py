"""Contrasts: which cells are compared, whether they may be, and what their paired blocks say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench import stats
from bench.fleet import same_library
from bench.results import Contrast, Measured
from contract.protocol import Receipt

BASE_RUNTIME, BASE_VARIANT = "ort-python", "raw-dynamic"
# Effective options that two cells must share; a key that a runtime does not have is absent, not unequal.
MUST_EQUAL = ("threads", "inter_threads", "spinning", "optimization", "arena", "memory_pattern")


def contrast_all(
    cells: list[Measured],
    receipts: Mapping[str, Receipt],
    same_graph: Mapping[tuple[str, str, str, str], bool],
    equivalent: float,
) -> list[Contrast]:
    """Each runtime against ort-python on the same variant (eager: on raw-dynamic), and each variant against raw-dynamic within a runtime.

    `same_graph`: (dataset, backbone, variant, other variant) -> whether their structural hashes are equal.
    """
    made = []
    for one in cells:
        for base in cells:
            factor = _factor(one, base)
            if factor is None:
                continue
            why = not_comparable(one, base, receipts)
            quads = [] if why else paired(one, base)
            ratio = stats.ratio_interval(quads)
            made.append(
                Contrast(
                    cell=one.cell,
                    base=base.cell,
                    factor=factor,
                    ratio=ratio,
                    verdict=None if why else stats.verdict(ratio, equivalent),
                    rounds=sum(map(len, quads)),
                    not_comparable=why,
                    # Two runtimes on one file are no control, although the graph is the same.
                    same_graph=factor == "variant"
                    and same_graph.get((one.cell.dataset, one.cell.backbone, one.cell.variant, base.cell.variant), False),
                )
            )
    return made


def paired(one: Measured, base: Measured) -> list[list[float]]:
    """Log ratios of the ABBA quads that both cells have complete, per process."""
    halves = [{(block.process, block.round, int(block.half)): block.samples_ns for block in each.blocks} for each in (one, base)]
    quads: dict[int, list[float]] = {}
    for process, number, half in sorted(halves[0]):
        keys = [(process, number, 0), (process, number, 1)]
        if half == 0 and all(key in side for side in halves for key in keys):
            first, second = ((side[keys[0]], side[keys[1]]) for side in halves)
            quads.setdefault(process, []).append(stats.quad_log_ratio(first, second))
    return list(quads.values())


def not_comparable(one: Measured, base: Measured, receipts: Mapping[str, Receipt]) -> str | None:
    """The reason why a ratio of two cells would mean nothing, or None."""
    for side in (one, base):
        if side.error is not None:
            return f"{side.cell.runtime} {side.cell.variant} has no number"
    for key in MUST_EQUAL:
        values = [side.options[key] for side in (one, base) if key in side.options]
        if len(values) == 2 and values[0] != values[1]:
            return key
    ours, theirs = receipts[one.cell.runtime], receipts[base.cell.runtime]
    if ours.cpu_flags != theirs.cpu_flags:
        return "cpu_flags"
    both_ort = one.cell.variant != "eager" and base.cell.variant != "eager"
    if both_ort and one.cell.runtime != base.cell.runtime and not same_library(ours, theirs):
        return "onnxruntime version and commit"
    return None


def _factor(one: Measured, base: Measured) -> Literal["runtime", "variant"] | None:
    cell, other = one.cell, base.cell
    alike = ("dataset", "backbone", "provider", "scenario", "batch")
    if cell == other or any(getattr(cell, key) != getattr(other, key) for key in alike):
        return None
    if cell.runtime != other.runtime and other.runtime == BASE_RUNTIME:
        eager = cell.variant == "eager" and other.variant == BASE_VARIANT
        return "runtime" if eager or cell.variant == other.variant else None
    same_runtime = cell.runtime == other.runtime and other.variant == BASE_VARIANT
    return "variant" if same_runtime else None
