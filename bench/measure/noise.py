"""How wrong this run's own measuring was: pairs of equal programs that it timed, and what else it saw of the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from bench import ratios, stats
from bench.measure import pairs
from bench.measure.again import Graphs, same_program
from bench.measure.polish import Polished
from bench.results import Contrast, Control, Measured, Noise


def noise(cells: Sequence[Measured], contrasts: Sequence[Contrast], same_graph: Graphs) -> Noise:
    """The controls of a run and what they called different, its median MDE, and its disturbed rounds."""
    # No runner stands frozen beside a cold start, and no two of them are a pair.
    loaded = [cell for cell in cells if cell.kind != "cold"]
    found = controls(loaded, same_graph)
    judged = [each for each in found if each.different is not None]
    alarms = sum(each.different is True for each in judged)
    rounds = {
        (*(getattr(cell.cell, key) for key in pairs.ALIKE), block.process, block.round): block.disturbed
        for cell in cells
        for block in cell.blocks
    }
    detectable = [each.mde for each in contrasts if each.mde is not None]
    measured_ns = sum(sum(block.samples_ns) for cell in loaded for block in cell.blocks)
    return Noise(
        controls=tuple(found),
        alarms=alarms,
        judged=len(judged),
        bound=stats.share_bound(alarms, len(judged)) if judged else None,
        mde=float(np.median(detectable)) if detectable else None,
        rounds=len(rounds),
        disturbed=dict(Counter(cause for cause in rounds.values() if cause is not None)),
        frozen_share=sum(block.idle_ns for cell in cells for block in cell.blocks) / measured_ns if measured_ns else 0.0,
    )


def controls(cells: Sequence[Measured], same_graph: Graphs) -> list[Control]:
    """Every pair of equal programs in one group: files with the same structural hash in one runtime, and a file that was timed again."""
    made = []
    polished = pairs.polished(cells)
    for one, other in combinations([cell for cell in cells if cell.error is None], 2):
        if same_program(one.cell, other.cell, same_graph):
            made.append(control(one, other, polished[one.cell]))
    return made


def control(one: Measured, other: Measured, group: Polished) -> Control:
    """One pair, judged by itself: a false-alarm rate is that of single comparisons."""
    share = min(one.alpha_share, other.alpha_share)
    found = ratios.evidence([each.log for each in group.ratios(one.cell, other.cell)])
    p = ratios.p_value(found, share)
    return Control(one.cell, other.cell, ratios.interval(found, share), p, None if found is None else p <= ratios.ALPHA)
