"""Statistics of one cell from its raw samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench import stats
from bench.results import Block, Interval, Measured, ScenarioKind
from contract.matrix import Cell
from contract.protocol import Option


def summarise(
    cell: Cell, kind: ScenarioKind, blocks: Sequence[Block], options: Mapping[str, Option], error: str | None, alpha_share: float
) -> Measured:
    """Median with its interval, percentiles where there are enough samples, throughput; a cell that failed is an error, not a number."""
    counted = [block for block in blocks if block.disturbed is None]
    samples = [sample for block in counted for sample in block.samples_ns]
    if error is not None or not samples:
        return Measured(cell, error or "no samples", (), dict(options), 0, None, None, {}, None, {}, kind, alpha_share)
    interval = stats.median_interval(samples)
    per_second = None
    if interval is not None and kind == "throughput":
        per_second = Interval(*(cell.batch * 1e9 / each for each in (interval.value, interval.high, interval.low)))
    return Measured(
        cell=cell,
        error=None,
        blocks=tuple(blocks),
        options=dict(options),
        samples=len(samples),
        middle_ns=float(np.median(samples)),
        median_ns=interval,
        percentiles_ns={str(each): stats.percentile(samples, each) for each in stats.LEAST_FOR},
        images_per_second=per_second,
        split_ns={stage: _median([block.split_ns[stage] for block in counted]) for stage in counted[0].split_ns},
        kind=kind,
        alpha_share=alpha_share,
    )


def _median(nanoseconds: Sequence[Sequence[int]]) -> float:
    return float(np.median(np.concatenate([np.asarray(each) for each in nanoseconds])))
