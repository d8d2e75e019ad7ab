"""Statistics of one cell from its raw samples."""

from __future__ import annotations

import numpy as np

from bench import stats
from bench.measure.group import Entry
from bench.results import Interval, Measured, ScenarioKind


def summarise(entry: Entry, kind: ScenarioKind) -> Measured:
    """Median with its interval, percentiles where there are enough samples, throughput; a cell that failed is an error, not a number."""
    counted = [block for block in entry.blocks if block.disturbed is None]
    samples = [sample for block in counted for sample in block.samples_ns]
    if entry.error is not None or not samples:
        return Measured(entry.cell, entry.error or "no samples", (), entry.options, 0, None, None, {}, None, {}, kind, entry.alpha_share)
    interval = stats.median_interval(samples)
    per_second = None
    if interval is not None and kind == "throughput":
        per_second = Interval(*(entry.cell.batch * 1e9 / each for each in (interval.value, interval.high, interval.low)))
    return Measured(
        cell=entry.cell,
        error=None,
        blocks=tuple(entry.blocks),
        options=entry.options,
        samples=len(samples),
        middle_ns=float(np.median(samples)),
        median_ns=interval,
        percentiles_ns={str(each): stats.percentile(samples, each) for each in stats.LEAST_FOR},
        images_per_second=per_second,
        split_ns={stage: float(np.median(values)) for stage, values in entry.split.items()},
        kind=kind,
        alpha_share=entry.alpha_share,
    )
