"""The tables of the stage ledger: what differs in which stage, and what it looks like."""

from __future__ import annotations

from bench.ledger.found import Cause, StageDifference, StageReport
from bench.report import words
from bench.report.table import Table
from bench.results import Results

NOTHING = "one image at a time no stage makes a difference; what failed shows in batches, or between two runtimes"


def stages(results: Results) -> Table:
    """Every stage of every runtime that was looked into: images equal, else the largest difference and the share of values."""
    names = tuple(dict.fromkeys(each.stage for report in results.stages for each in report.stages))
    rows = [
        (
            *(_backbone(results, report), report.variant, f"{report.runtime} {report.provider}", str(report.images)),
            *(_difference(each) for each in report.stages),
        )
        for report in results.stages
    ]
    notes = (
        "equal, or how many images are, the largest difference and the share of values that differ; logits are equal within the tolerance",
        *(f"{_where(report)}: {report.error}" for report in results.stages if report.error is not None),
        *(f"{_where(report)}: {NOTHING}" for report in results.stages if report.images and _failed(results, report) and not report.faults),
    )
    return Table("Stages, from the file to the label", ("backbone", "variant", "runtime", "images", *names), rows, frozenset({3}), notes)


def faults(results: Results) -> Table:
    """The stages that make a difference of their own, each given the reference's input."""
    rows = [
        (
            *(_where(report), fault.stage, f"{fault.images} of {report.images}", str(fault.alone)),
            *("-" if fault.effect is None else words.percent(fault.effect), f"{fault.flips} of {report.flips}" if report.flips else "-"),
            *(fault.seen, "; ".join(_cause(cause) for cause in fault.causes) or "none known"),
        )
        for report in results.stages
        for fault in report.faults
    ]
    columns = ("where", "stage", "made in", "alone", "effect on logits", "labels", "seen", "like")
    notes = (
        "made in: images where the stage, given the reference's input, does not give its output; alone: and no other stage does so",
        "effect on logits: the share of the squared difference that swapping it takes away; like: shares that known faults explain",
    )
    return Table("Stages to blame", columns, rows, frozenset({2, 3, 4, 5}), notes)


def _difference(each: StageDifference) -> str:
    if each.equal == each.images:
        within = f", max {words.small(each.max_difference)}" if each.max_difference else ""
        return f"equal{within}" if each.images else "-"
    said = f"{each.equal} of {each.images}"
    if each.max_difference is None or each.share is None:
        return said
    shapes = [f"{each.other_shape} of another size"] if each.other_shape else []
    # Where all are of another size, nothing else was compared.
    numbers = [f"max {words.small(each.max_difference)}", words.percent(each.share)] if each.other_shape < each.images else []
    return f"{said}: {', '.join([*numbers, *shapes])}"


def _failed(results: Results, report: StageReport) -> bool:
    place = (report.dataset, report.backbone, report.variant, report.runtime, report.provider)
    return any((row.dataset, row.backbone, row.variant, row.runtime, row.provider) == place and not row.passed for row in results.parity)


def _cause(cause: Cause) -> str:
    return f"{cause.name} {'(every value)' if cause.exact == cause.images else words.percent(cause.explained)}"


def _where(report: StageReport) -> str:
    return f"{report.dataset}/{report.backbone} {report.variant} {report.runtime} {report.provider}"


def _backbone(results: Results, report: StageReport) -> str:
    return words.backbone(results, report.dataset, report.backbone)
