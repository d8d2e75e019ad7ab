"""In what two runs differ, before any of their numbers is looked at: machine, packages, options, receipts, model files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

from bench.across.found import Difference
from bench.measure.comparable import RULE_OF, differing, facts
from bench.results import Environment, Measured, Results, Subject

NONE = "-"
# Nobody finds a load of yesterday again, and a process number means nothing.
MOVING = ("load_average", "pid")
RUN = ("device", "seed", "quick", "equivalent")
SUBJECT = ("config", "recipe", "classes", "reference")


def differences(one: Results, other: Results) -> list[Difference]:
    """Everything, the machine first; what is alike is left out."""
    return [
        *_machine(one.environment, other.environment),
        *_named("packages", one.environment.packages, other.environment.packages),
        *_named("run", {key: getattr(one, key) for key in RUN}, {key: getattr(other, key) for key in RUN}),
        *_receipts(one, other),
        *_sessions(one, other),
        *_subjects(one, other),
    ]


def refused(one: Results, other: Results, pairs: list[tuple[Measured, Measured]]) -> tuple[str, ...]:
    """The keys for which the times of cells that both runs have must not be compared; none where there are no such cells."""
    if not pairs:
        return ()
    machine = ["cpu_flags"] if set(one.environment.cpu_flags) != set(other.environment.cpu_flags) else []
    return tuple(dict.fromkeys([*machine, *(key for pair in pairs for key in _keys(*pair, one, other))]))


def _keys(mine: Measured, theirs: Measured, one: Results, other: Results) -> Iterator[str]:
    runtime = mine.cell.runtime
    if runtime not in one.receipts or runtime not in other.receipts:
        yield f"no receipt of {runtime}"
        return
    yield from differing(mine, theirs, one.receipts, other.receipts)


def _machine(one: Environment, other: Environment) -> Iterator[Difference]:
    names = [each.name for each in fields(Environment) if each.name not in (*MOVING, "packages")]
    for each in _named("machine", {name: getattr(one, name) for name in names}, {name: getattr(other, name) for name in names}):
        yield replace(each, rule="must-equal") if each.key == "cpu_flags" else each


def _receipts(one: Results, other: Results) -> Iterator[Difference]:
    for runtime in dict.fromkeys((*one.receipts, *other.receipts)):
        if runtime not in one.receipts or runtime not in other.receipts:
            yield Difference("runtimes", runtime, _there(runtime, one.receipts), _there(runtime, other.receipts), None)
            continue
        mine, theirs = facts(one.receipts[runtime]), facts(other.receipts[runtime])
        for place, rule in RULE_OF.items():
            if place[1] not in MOVING and mine.get(place) != theirs.get(place):
                yield Difference(runtime, place[1], *_texts(mine.get(place), theirs.get(place)), rule.rule)


def _sessions(one: Results, other: Results) -> Iterator[Difference]:
    """Options of the sessions of cells that both runs have, each difference once a runtime."""
    theirs = {each.cell: each.options for each in other.cells if each.error is None}
    found: dict[Difference, None] = {}
    for each in one.cells:
        if each.error is None and each.cell in theirs:
            for key in sorted(each.options.keys() | theirs[each.cell].keys()):
                pair = each.options.get(key), theirs[each.cell].get(key)
                rule = RULE_OF.get(("options", key))
                if pair[0] != pair[1]:
                    found[Difference(f"{each.cell.runtime} sessions", key, *_texts(*pair), rule.rule if rule else None)] = None
    yield from found


def _subjects(one: Results, other: Results) -> Iterator[Difference]:
    mine, theirs = ({f"{each.dataset}/{each.backbone}": each for each in side.subjects} for side in (one, other))
    for name in dict.fromkeys((*mine, *theirs)):
        if name in mine and name in theirs:
            yield from _named(name, _facts(mine[name]), _facts(theirs[name]))
        else:
            yield Difference("models", name, _there(name, mine), _there(name, theirs), None)


def _there(name: str, among: Mapping[str, object]) -> str:
    return "there" if name in among else NONE


def _facts(subject: Subject) -> dict[str, object]:
    """What a model is; of its files the first digits of their hashes, and of their graphs."""
    told: dict[str, object] = {key: getattr(subject, key) for key in SUBJECT}
    told["weights"] = subject.weights.had if subject.weights else None
    for each in subject.variants:
        told[each.name] = f"file {each.sha256[:12]}, graph {each.structural_hash[:12]}"
    return told


def _named(where: str, one: Mapping[str, object], other: Mapping[str, object]) -> Iterator[Difference]:
    for key in dict.fromkeys((*one, *other)):
        if one.get(key) != other.get(key):
            yield Difference(where, key, *_texts(one.get(key), other.get(key)), None)


def _texts(one: object, other: object) -> tuple[str, str]:
    """Both as text; of lists and tables what only one of them has."""
    if isinstance(one, dict) and isinstance(other, dict):
        one, other = (tuple(f"{key} {value}" for key, value in each.items()) for each in (one, other))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return _only(one, other), _only(other, one)
    return _text(one), _text(other)


def _only(one: tuple[object, ...], other: tuple[object, ...]) -> str:
    return "only here: " + ", ".join(str(each) for each in one if each not in other) if set(one) - set(other) else NONE


def _text(value: object) -> str:
    return NONE if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
