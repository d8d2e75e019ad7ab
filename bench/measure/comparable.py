"""What may differ between two cells that are compared: the rule of every key that a runner reports, in one table.

`must-equal`: where it differs the ratio is "not comparable: KEY". `explained-by runtime`: it comes with the runtime, and where that is what
is compared it may differ, otherwise not. `recorded`: kept in results.json, and judged by nobody. A key that one side does not have is
absent, not unequal. METHODOLOGY.md shows the table: python -m bench.rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from bench import runtimes
from bench.results import Measured
from contract.errors import DataError, nearest
from contract.protocol import Option, Receipt

Where = Literal["receipt", "process", "options"]
Place = tuple[Where, str]
NEXT = "give it a rule in bench/measure/comparable.py"
# Digits of a commit that two spellings of it must share: one build prints all forty, another the first nine.
LEAST_DIGITS = 7


@dataclass(frozen=True)
class Rule:
    """What a difference in one key means. `where`: the receipt's own fields, its `process`, or the options of a session."""

    key: str
    rule: Literal["must-equal", "explained-by runtime", "recorded"]
    where: Where
    why: str
    among: Literal["all", "cells of one library", "e2e"] = "all"


RULES = (
    Rule("protocol", "must-equal", "receipt", "what a request means"),
    Rule("runtime", "explained-by runtime", "receipt", "the factor itself"),
    Rule("version", "must-equal", "receipt", "another release is another program", "cells of one library"),
    Rule("commit", "must-equal", "receipt", "so is another build of one; an unknown commit proves nothing", "cells of one library"),
    Rule("library", "recorded", "receipt", "a path"),
    Rule("library_sha256", "recorded", "receipt", "one build of ONNX Runtime is two files: Python links it into its extension module"),
    Rule("source", "explained-by runtime", "receipt", "each runner has its own, and a stale one is refused"),
    Rule("build", "explained-by runtime", "receipt", "the language of the runner; how it was built is `profile`"),
    Rule("threads", "recorded", "receipt", "what could be used; what is used is an option"),
    Rule("providers", "recorded", "receipt", "what could be used; what is used is part of the cell"),
    Rule("jpeg", "explained-by runtime", "receipt", "the decoder is part of what the runtime costs end to end"),
    Rule("jpeg_simd", "must-equal", "receipt", "half the decoding speed for want of nasm says nothing of the runtime", "e2e"),
    Rule("cpu_flags", "must-equal", "receipt", "libraries choose their kernels by them: a number of another CPU is never compared"),
    Rule("packages", "recorded", "receipt", "versions of what a runner brings with it"),
    Rule("pid", "recorded", "receipt", "names a process"),
    Rule("affinity", "must-equal", "process", "other CPUs, or another number of them"),
    Rule("cgroup_quota", "must-equal", "process", "CPU time that the group is throttled to, and in what portions"),
    Rule("allocator", "recorded", "process", "it may be what makes one runtime faster: a cause to look for, not a fault"),
    Rule("timer", "must-equal", "process", "another stopwatch"),
    Rule("timer_resolution_ns", "must-equal", "process", "its grain"),
    Rule("clocksource", "recorded", "process", "the kernel's, and the same for all runners of a machine"),
    Rule("denormals", "must-equal", "process", "arithmetic with the smallest numbers can be a hundred times slower than with zero"),
    Rule("profile", "must-equal", "process", "a debug build of the runner measures nothing"),
    Rule("library_profile", "must-equal", "process", "nor does one of the library that executes models"),
    Rule("garbage_collector", "must-equal", "process", "a collection inside of a sample would be taken for the model"),
    Rule("gil", "recorded", "process", "the interpreter's, where there is one: one thread asks at a time"),
    Rule("threads", "must-equal", "options", "the largest factor of all"),
    Rule("inter_threads", "must-equal", "options", "so are these, where branches run side by side"),
    Rule("spinning", "must-equal", "options", "threads that wait busily start sooner"),
    Rule("optimization", "must-equal", "options", "another graph is executed"),
    Rule("arena", "must-equal", "options", "memory is kept, or asked for each time"),
    Rule("memory_pattern", "must-equal", "options", "and in one piece, or in many"),
    Rule("denormals", "must-equal", "options", "as above, in the threads of the session"),
    Rule("stopwatch", "must-equal", "options", "where it starts and stops, and so which copies it sees"),
    Rule("output_allocation", "must-equal", "options", "0.2 us of a small graph are the allocation of its answer"),
    Rule("tf32", "must-equal", "options", "on CUDA: products of 10 bits instead of 23 are another answer, and faster"),
    Rule("conv_search", "must-equal", "options", "on CUDA: how cuDNN's algorithm was chosen", "cells of one library"),
    Rule("dtype", "must-equal", "options", "another arithmetic"),
    Rule("streams", "must-equal", "options", "forwards side by side share the threads"),
    Rule("performance_hint", "must-equal", "options", "what a library tunes itself for: one answer soon, or many"),
    Rule("form", "explained-by runtime", "options", "what PyTorch executes: the model itself, or a program captured from it"),
    Rule("training", "must-equal", "options", "another model"),
)
RULE_OF: dict[Place, Rule] = {(rule.where, rule.key): rule for rule in RULES}


def not_comparable(
    one: Measured, base: Measured, receipts: Mapping[str, Receipt], base_receipts: Mapping[str, Receipt] | None = None
) -> str | None:
    """The key that makes a ratio of two cells mean nothing, or None; the first in the table's order.

    `receipts`: of the run, by runtime; `base_receipts`: of the run that stored the base, where that is another one.
    Raises DataError for a key without a rule.
    """
    for side in (one, base):
        if side.error is not None:
            return f"{side.cell.runtime} {side.cell.variant} has no number"
    return next(differing(one, base, receipts, receipts if base_receipts is None else base_receipts), None)


def differing(one: Measured, base: Measured, receipts: Mapping[str, Receipt], base_receipts: Mapping[str, Receipt]) -> Iterator[str]:
    """All keys that make a ratio of two cells mean nothing, in the table's order. Raises DataError for a key without a rule."""
    ours, theirs = receipts[one.cell.runtime], base_receipts[base.cell.runtime]
    # One receipt is equal to itself, even in what it does not know.
    mine, other = (facts(None if ours == theirs else receipt, side.options) for side, receipt in ((one, ours), (base, theirs)))
    for place, rule in RULE_OF.items():
        if place in mine and place in other and _holds(rule, one, base, (ours, theirs)) and not _same(rule.key, mine[place], other[place]):
            yield rule.key


def changed(earlier: Receipt, later: Receipt) -> str | None:
    """The key in which two processes of one runtime differ although their samples are one cell's, or None."""
    before, after = facts(earlier), facts(later)
    differing = (place for place, rule in RULE_OF.items() if rule.rule != "recorded" and before.get(place) != after.get(place))
    return next((key for _, key in differing), None)


def facts(receipt: Receipt | None, options: Mapping[str, Option] | None = None) -> dict[Place, object]:
    """Everything that a runner reports, by its place in the table; what it cannot say is left out, but for the commit.

    Raises DataError for a key without a rule.
    """
    told: dict[Place, object] = {("options", key): value for key, value in (options or {}).items()}
    if receipt is not None:
        said = {field.name: getattr(receipt, field.name) for field in fields(receipt) if field.name != "process"}
        told |= {("receipt", key): value for key, value in said.items() if value is not None or key == "commit"}
        told |= {("process", key): value for key, value in receipt.process.items()}
    for where in ("options", "process"):
        why = unknown(where, [key for place, key in told if place == where])
        if why is not None:
            raise DataError(why, where="comparing cells", next=NEXT)
    return told


def unknown(where: Where, keys: Iterable[str]) -> str | None:
    """What is wrong with the keys that a runner reports: the first one without a rule, or None."""
    known = [key for place, key in RULE_OF if place == where]
    stranger = next((key for key in keys if key not in known), None)
    return None if stranger is None else f"'{stranger}' of its {where} has no rule for comparing; {nearest(stranger, known)}"


def same_commit(one: str | None, other: str | None) -> bool:
    """Whether two commits are known to be one, of which either may be given by its first digits."""
    if one is None or other is None:
        return False
    digits = min(len(one), len(other))
    return digits >= LEAST_DIGITS and one[:digits] == other[:digits]


def _holds(rule: Rule, one: Measured, base: Measured, receipts: tuple[Receipt, Receipt]) -> bool:
    if rule.rule != "must-equal":
        return rule.rule != "recorded" and one.cell.runtime == base.cell.runtime
    if rule.among == "e2e":
        return one.kind == "e2e"
    # By what the runners call themselves: a cell's name may be that of one of several processes.
    return rule.among == "all" or len({runtimes.library(receipt.runtime) for receipt in receipts}) == 1


def _same(key: str, value: Any, other: Any) -> bool:
    return same_commit(value, other) if key == "commit" else bool(value == other)


def markdown() -> str:
    """The table for METHODOLOGY.md."""
    rows = [f"| `{each.key}` | {each.where} | {each.rule} | {each.among} | {each.why} |" for each in RULES]
    return "\n".join(["| key | reported in | rule | among | why |", "|---|---|---|---|---|", *rows]) + "\n"
