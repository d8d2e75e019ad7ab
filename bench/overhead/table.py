"""What was counted, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.overhead import judge
from bench.overhead.judge import Counts, Judged
from bench.report.table import Table
from bench.results import Interval, Results

BEGIN, END = "<!-- overhead: written by `python -m bench overhead --write`; do not edit -->", "<!-- end of overhead -->"
ABOUT = {
    "bare": "the C function Run; input and output made beforehand",
    "bare_allocating": "the same, ONNX Runtime allocates the output",
    "preallocated": "ort's run; input and output made beforehand",
    "io_binding": "run_with_iobinding; input and output bound beforehand",
    "run": "the runner's own run in a bare loop; the answer is released inside",
    "timed": "what `time` makes a sample of; the answer is released outside",
    "empty": "what a stopwatch around nothing reads",
    "stopwatch": "what a stopwatch around nothing takes",
}
RIGHT = frozenset({3, 4, 5})


def tables(counts: Counts, judged: Sequence[Judged], latest: Results | None, why_not: str) -> list[Table]:
    """Ways, goals and shares. `why_not`: the reason where there is no run to show shares of."""
    return [ways(counts), goals(judged), shares(counts, latest, why_not)]


def ways(counts: Counts) -> Table:
    """Nanoseconds a call, and how many times the bare call or the bare loop over `run`."""
    rows = []
    for runtime, processes in counts.items():
        named = [name for name in ABOUT if name in processes[0].ways]
        for name in named:
            against = [
                span(judge.ratio(processes, name, base), 2) if base in named and name not in (base, "empty", "stopwatch") else ""
                for base in ("bare", "run")
            ]
            rows.append((runtime, name, ABOUT[name], span(judge.per_call(processes, name), 0), *against))
    first = next(iter(counts.values()))
    rounds, calls = len(first[0].ways["run"]), first[0].calls
    notes = [
        f"{len(first)} processes of each, one at a time and alternately, {first[0].threads} thread; {rounds} rounds in each.",
        f"In a round every way has a block of {calls} calls, in an order drawn anew.",
        "Ratios are taken within a round, and are a process's median; intervals are t intervals at 95 % over processes.",
        f"ONNX Runtime {first[0].receipt.version}, the same build in both; every way's answer is compared with that of the others.",
    ]
    columns = ("runtime", "way", "what it is", "ns a call", "times bare", "times run")
    return Table("The null model (one Relu on 16 floats)", columns, rows, RIGHT, tuple(notes))


def goals(judged: Sequence[Judged]) -> Table:
    """Each goal with what was found."""
    rows = [
        (
            each.goal.about,
            f"at most {each.goal.most:g}{' times' if each.goal.base else ' ns'}",
            span(each.found, 2 if each.goal.base else 0),
            each.verdict,
        )
        for each in judged
    ]
    note = "Met and not met only where the whole interval lies on that side; otherwise inconclusive: more processes, or a quieter machine."
    return Table("Goals", ("what", "goal", "found", ""), rows, frozenset({1, 2}), (note,))


def shares(counts: Counts, latest: Results | None, why_not: str) -> Table:
    """What a runtime adds as a share of each model's latency."""
    title = "What the runtime adds, as a share of a model's time"
    columns = ("model", "variant", "runtime", "scenario", "median", "added", "share")
    if latest is None:
        return Table(title, columns, [], notes=(why_not,))
    rows = []
    for each in latest.cells:
        part = judge.share(each, counts)
        if part is not None and each.middle_ns is not None:
            cell = each.cell
            ns = judge.added(counts, cell.runtime)
            names = (cell.backbone, cell.variant, cell.runtime, f"{cell.scenario}-{cell.batch}")
            rows.append((*names, f"{each.middle_ns / 1e6:.2f} ms", f"{ns / 1e3:.2f} µs", f"{part:.4%}"))
    notes = (
        f"Medians of run {latest.run}. Added: a sample of the null model less the bare call of the same ONNX Runtime.",
        "What a binding does with the size of a model's input and answer, such as copying logits, is not in it.",
    )
    return Table(title, columns, rows, frozenset({4, 5, 6}), notes)


def span(interval: Interval | None, digits: int) -> str:
    """An estimate with its interval, or that there are too few processes for one."""
    if interval is None:
        return "n/a (3 processes are needed)"
    return f"{interval.value:,.{digits}f} [{interval.low:,.{digits}f}, {interval.high:,.{digits}f}]"
