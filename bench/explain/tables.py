"""The tables of an explanation, and its Markdown."""

from __future__ import annotations

from dataclasses import replace

from bench.explain.account import ORDER
from bench.explain.found import Explanation, Kind, Side
from bench.explain.words import share, signed, span
from bench.report import words
from bench.report.table import Table, escape, to_markdown

NODES = 10
# Kinds that take less of either wall time are left to the JSON.
LEAST = 0.001


def all_tables(found: Explanation) -> list[Table]:
    """In reading order."""
    made = [walls(found), parts(found), kinds(found), nodes(found.a, found.b), nodes(found.b, found.a)]
    return [replace(table, title=f"{found.model}: {table.title}") for table in made]


def markdown(found: Explanation) -> str:
    """The whole explanation as Markdown."""
    head = [
        f"# Concord: why {escape(found.a.name)} and {escape(found.b.name)} differ",
        "",
        *[f"* {escape(line)}" for line in headline(found)],
        "",
        (
            f"Run {escape(found.run)}; {found.looks} looks at each in {found.processes} processes, {found.images} images."
            " Written by Concord; do not edit."
        ),
        "",
    ]
    return "\n".join(head) + "\n" + "\n".join(to_markdown(table) for table in all_tables(found))


def headline(found: Explanation) -> list[str]:
    """What a reader wants to know first."""
    return [found.standing, found.conclusion]


def walls(found: Explanation) -> Table:
    """Wall time of a forward, what recording costs, and what operators make of it."""
    a, b = found.a, found.b
    end_to_end = [("of it, the model's forward", *_pair(a.forward_ns, b.forward_ns))] if a.forward_ns != a.wall_ns else []
    rows = [
        ("wall time, without a profiler", *_pair(a.wall_ns, b.wall_ns)),
        *end_to_end,
        ("the forward while it is recorded", *_pair(a.recorded_ns, b.recorded_ns)),
        ("so recording costs", *(signed(side.recorded_ns - side.forward_ns) for side in (a, b)), ""),
        ("sum of operators, recorded", *_pair(a.operators_ns, b.operators_ns)),
    ]
    images = "1 image" if a.cell.batch == 1 else f"{a.cell.batch} images"
    title = "One image, from file to label" if end_to_end else f"One forward of {images}"
    return Table(title, ("time", a.label, b.label, "difference"), rows, frozenset({1, 2, 3}), found.notes)


def parts(found: Explanation) -> Table:
    """The account: families of operators, and what no operator explains."""
    rows = [
        (
            f"{part.name} (stage)" if part.kind == "stage" else part.name,
            *_pair(part.a_ns, part.b_ns),
            "-" if part.share is None else share(part.share),
            span(part.shares) if part.shares else "-",
        )
        for part in found.parts
    ]
    whole = "100 %" if any(part.share is not None for part in found.parts) else "-"
    rows.append(("together: the wall time", *_pair(found.a.wall_ns, found.b.wall_ns), whole, "-"))
    columns = ("part", found.a.label, found.b.label, "difference", "share of it", f"in each of {found.processes} processes")
    return Table("Where the difference lies", columns, rows, frozenset(range(1, 6)))


def kinds(found: Explanation) -> Table:
    """Operator kinds side by side."""
    a, b = ({kind.op: kind for kind in side.kinds} for side in (found.a, found.b))
    least = LEAST * max(found.a.wall_ns, found.b.wall_ns)
    every = sorted((a | b).values(), key=lambda kind: (ORDER.index(kind.family), -_ns(a, kind.op) - _ns(b, kind.op)))
    shown = [kind for kind in every if max(_ns(a, kind.op), _ns(b, kind.op)) >= least]
    rows = [(kind.family, kind.op, *_of(a.get(kind.op)), *_of(b.get(kind.op)), signed(_ns(a, kind.op) - _ns(b, kind.op))) for kind in shown]
    left = len(every) - len(shown)
    notes = (f"{left} kinds below {words.percent(LEAST)} of the wall time are left out here, and stand in the .json",) if left else ()
    columns = ("family", "operator kind", found.a.label, "calls", found.b.label, "calls", "difference")
    return Table("Operator kinds: self time of one forward", columns, rows, frozenset(range(2, 7)), notes)


def nodes(side: Side, other: Side) -> Table:
    """The dearest nodes of a cell, with the other's node of the same name, where it has one."""
    theirs = {(node.name, node.op): node.ns for node in other.nodes}
    shown = side.nodes[:NODES]
    both = any((node.name, node.op) in theirs for node in shown)
    rows = []
    for node in shown:
        same = theirs.get((node.name, node.op))
        beside = ("-" if same is None else words.duration(same),) if both else ()
        rows.append((node.name, node.op, words.duration(node.ns), *beside, share(node.ns / side.forward_ns)))
    total = sum(node.ns for node in shown) / side.forward_ns
    columns = ("node", "kind", side.label, *((other.label,) if both else ()), "of the forward")
    note = f"together {share(total)} of a forward; {len(side.nodes)} nodes in all"
    return Table(f"The {len(shown)} dearest nodes of {side.label}", columns, rows, frozenset(range(2, 5)), (note,))


def _pair(a: float, b: float) -> tuple[str, str, str]:
    return _plain(a), _plain(b), signed(a - b)


def _plain(ns: float) -> str:
    return signed(ns) if ns < 0 else words.duration(ns) if ns else "-"


def _ns(kinds: dict[str, Kind], op: str) -> float:
    return kinds[op].ns if op in kinds else 0.0


def _of(kind: Kind | None) -> tuple[str, str]:
    return ("-", "-") if kind is None else (words.duration(kind.ns), f"{kind.calls:g}")
