"""What the counts of a row of parity say of its verdict: a problem that they show must be among those that the row names."""

from __future__ import annotations

from collections.abc import Iterator

from bench.results import Check, ParityRow, Results


def wrong(results: Results) -> Iterator[str]:
    """Rows whose verdicts do not follow from their counts and from the noise floor."""
    tolerances = {(each.dataset, each.backbone, each.provider): each.tolerance for each in results.floors}
    for number, row in enumerate(results.parity):
        if not row.judged:
            continue
        where = f"results.json: parity[{number}]"
        counted = row.certified + row.agree + row.near_tie_flips + row.flips
        if counted != row.images:
            yield f"{where}: {counted} images are counted, of {row.images}"
        tolerance = tolerances.get((row.dataset, row.backbone, row.provider))
        if row.tolerance != tolerance:
            yield f"{where}.tolerance: is {row.tolerance}, and that of the noise floor {tolerance}"
        yield from (f"{where}.checks: lacks '{check}', which its counts show" for check in shown(row) if check not in row.checks)
        if len(row.problems) < len(row.checks):
            yield f"{where}.problems: has {len(row.problems)}, for {len(row.checks)} checks that found one"


def shown(row: ParityRow) -> list[Check]:
    """The checks that must have found a problem."""
    found: dict[Check, bool] = {
        "labels": row.flips > 0,
        "tensors": row.tensors_equal < row.images,
        "logits": row.max_difference_same_tensor > row.tolerance,
        "batches": any(moved > row.tolerance for moved in row.batches.values()),
    }
    return [check for check, wrong in found.items() if wrong]
