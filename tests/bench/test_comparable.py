"""Mutation: every key that a runner reports is changed in turn, and what its rule promises reaches the contrast - no more and no less."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from bench import document, rules
from bench.measure import comparable
from bench.measure.comparable import RULE_OF, RULES, Place, Rule, changed, facts, not_comparable, same_commit, unknown
from bench.measure.contrasts import contrast_all
from bench.results import Contrast, Measured
from contract.errors import DataError
from contract.layout import CHECKOUT
from contract.protocol import Option, Receipt
from tests.bench import made

COMMIT = "6af1a932e"
PROCESS: dict[str, Option] = {
    "affinity": "0-1", "cgroup_quota": "unlimited", "allocator": "glibc 2.36", "timer": "clock_gettime(CLOCK_MONOTONIC)",
    "timer_resolution_ns": 1, "clocksource": "tsc", "denormals": "kept", "profile": "release", "library_profile": "release",
    "garbage_collector": "off in samples", "gil": True,
}  # fmt: skip
OPTIONS: dict[str, Option] = {
    "threads": 2, "inter_threads": 1, "spinning": True, "optimization": "all", "arena": True, "memory_pattern": True, "denormals": "kept",
    "stopwatch": "host to host", "output_allocation": "in each forward", "tf32": False, "conv_search": "exhaustive", "dtype": "float32",
    "form": "eager", "training": False, "streams": 1, "performance_hint": "latency",
}  # fmt: skip
BASE = Receipt(
    3, "ort-python", "1.31.1", COMMIT, "lib", "00", "5a", "release", 2, ("cpu",), "libjpeg", True, ("avx2", "fma"), PROCESS,
    {"numpy": "2"}, 1,
)  # fmt: skip


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {**value, "pillow": "13"}
    return value + {int: 1, str: "x", tuple: ("sse9",)}[type(value)]


def measured(runtime: str, options: dict[str, Option] = OPTIONS, variant: str = "raw-dynamic", kind: Any = "e2e") -> Measured:
    cell = made.measured(variant, runtime)
    blocks = tuple(replace(block, process=process) for process in range(4) for block in cell.blocks)
    return replace(cell, blocks=blocks, options=options, kind=kind)


def contrast(one: Measured, base: Measured, receipts: dict[str, Receipt]) -> Contrast:
    (found,) = contrast_all([base, one], receipts, {}, 0.01)
    return found


def mutated(rule: Rule) -> tuple[dict[str, Option], Receipt]:
    """Options and receipt of a runner that is like the base but for one key."""
    twin = replace(BASE, runtime="ort-rust", pid=2)
    if rule.where == "options":
        return OPTIONS | {rule.key: other(OPTIONS[rule.key])}, twin
    if rule.where == "process":
        return OPTIONS, replace(twin, process=PROCESS | {rule.key: other(PROCESS[rule.key])})
    # The commit is known by its first digits: one that only goes on is the same.
    value = "0" + COMMIT if rule.key == "commit" else other(getattr(BASE, rule.key))
    return OPTIONS, replace(twin, **{rule.key: value})


def ids(rule: Rule) -> str:
    return f"{rule.where}-{rule.key}"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.rule == "must-equal"], ids=ids)
def test_each_key_that_must_be_equal_stops_the_contrast_by_its_name(rule):
    options, receipt = mutated(rule)
    found = contrast(measured("ort-rust", options), measured("ort-python"), {"ort-python": BASE, "ort-rust": receipt})
    assert (found.not_comparable, found.ratio, found.verdict) == (rule.key, None, None)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.rule != "must-equal"], ids=ids)
def test_no_other_key_stops_a_contrast_of_runtimes(rule):
    options, receipt = mutated(rule)
    found = contrast(measured("ort-rust", options), measured("ort-python"), {"ort-python": BASE, "ort-rust": receipt})
    assert found.not_comparable is None
    assert found.ratio is not None


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_within_a_runtime_only_what_is_recorded_may_differ_from_a_stored_number(rule):
    options, receipt = mutated(rule)
    stored = {"ort-python": replace(receipt, runtime=receipt.runtime if rule.key == "runtime" else "ort-python")}
    why = not_comparable(measured("ort-python"), measured("ort-python", options), {"ort-python": BASE}, stored)
    assert why == (None if rule.rule == "recorded" else rule.key)


def test_a_stored_number_of_another_cpu_is_never_compared():
    for flags in ((), ("avx2",), ("avx2", "avx512f", "fma")):
        stored = {"ort-python": replace(BASE, cpu_flags=flags, pid=2)}
        assert not_comparable(measured("ort-python"), measured("ort-python"), {"ort-python": BASE}, stored) == "cpu_flags"
    assert (
        not_comparable(measured("ort-python"), measured("ort-python"), {"ort-python": BASE}, {"ort-python": replace(BASE, pid=2)}) is None
    )


def without(place: Place) -> tuple[dict[str, Option], Receipt]:
    where, key = place
    options = {name: value for name, value in OPTIONS.items() if (where, name) != ("options", key)}
    process = {name: value for name, value in PROCESS.items() if (where, name) != ("process", key)}
    return options, replace(BASE, runtime="ort-rust", pid=2, process=process)


@pytest.mark.parametrize("place", [place for place in RULE_OF if place[0] != "receipt"])
def test_a_key_that_a_runtime_does_not_have_is_absent_and_not_unequal(place):
    options, receipt = without(place)
    assert not_comparable(measured("ort-rust", options), measured("ort-python"), {"ort-python": BASE, "ort-rust": receipt}) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"commit": COMMIT + "0" * 31}, None),
        ({"commit": None}, "commit"),
        ({"jpeg_simd": None}, None),
        ({"library_sha256": "ff", "library": "other"}, None),
    ],
)
def test_what_a_receipt_cannot_say(change, why):
    receipts = {"ort-python": BASE, "ort-rust": replace(BASE, runtime="ort-rust", **change)}
    assert not_comparable(measured("ort-rust"), measured("ort-python"), receipts) == why
    # One receipt is equal to itself, even in what it does not know.
    assert not_comparable(measured("ort-rust", variant="sim-dynamic"), measured("ort-rust"), receipts) is None


@pytest.mark.parametrize("change", [{"version": "2.15.0"}, {"commit": None}, {"commit": "ab" * 20}])
def test_another_library_is_what_is_compared_with_pytorch(change):
    receipts = {"ort-python": BASE, "torch-eager": replace(BASE, runtime="torch-eager", **change)}
    eager = measured("torch-eager", OPTIONS | {"conv_search": "heuristic"}, "eager")
    assert not_comparable(eager, measured("ort-python"), receipts) is None


@pytest.mark.parametrize("change", [{"version": "2026.4.1"}, {"commit": None}, {"commit": "ab" * 20}])
def test_another_library_on_the_same_file_is_what_is_compared(change):
    receipts = {"ort-python": BASE, "openvino": replace(BASE, runtime="openvino", **change)}
    assert not_comparable(measured("openvino"), measured("ort-python"), receipts) is None
    # With its own stored number it is one library, whatever the processes are called.
    stored = {"openvino": replace(BASE, runtime="openvino")}
    assert not_comparable(measured("openvino"), measured("openvino"), receipts, stored) == next(iter(change))


def test_a_process_of_a_runtime_is_of_that_runtime_s_library():
    receipts = {"ort-python": BASE, "ort-python-copy": replace(BASE, version="1.32.0", pid=2)}
    assert not_comparable(measured("ort-python-copy"), measured("ort-python"), receipts) == "version"


@pytest.mark.parametrize(("kind", "why"), [("latency", None), ("throughput", None), ("load", None), ("e2e", "jpeg_simd")])
def test_how_jpegs_are_decoded_counts_where_they_are(kind, why):
    receipts = {"ort-python": BASE, "ort-rust": replace(BASE, runtime="ort-rust", jpeg_simd=False)}
    assert not_comparable(measured("ort-rust", kind=kind), measured("ort-python", kind=kind), receipts) == why


def test_a_cell_without_a_number():
    failed = replace(measured("ort-rust"), error="died", blocks=())
    assert not_comparable(failed, measured("ort-python"), {}) == "ort-rust raw-dynamic has no number"
    assert not_comparable(measured("ort-python"), failed, {}) == "ort-rust raw-dynamic has no number"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((replace(BASE, process={"affinty": "0"}), {}), "'affinty' of its process has no rule for comparing; did you mean 'affinity'?"),
        ((BASE, {"channels_last": True}), "'channels_last' of its options has no rule for comparing; known: "),
    ],
)
def test_a_key_without_a_rule_is_an_error_with_its_name(told, said):
    with pytest.raises(DataError, match=re.escape(said)):
        facts(*told)
    receipts = {"ort-python": BASE, "ort-rust": replace(told[0], runtime="ort-rust", pid=2)}
    with pytest.raises(DataError, match=re.escape(said)):
        not_comparable(measured("ort-rust", told[1]), measured("ort-python"), receipts)
    assert unknown("options", OPTIONS) is unknown("process", PROCESS) is None


def test_every_field_of_a_receipt_has_a_rule_and_no_rule_is_about_nothing():
    said = facts(BASE, OPTIONS)
    assert said.keys() == RULE_OF.keys()
    assert {field.name for field in fields(Receipt)} - {"process"} == {rule.key for rule in RULES if rule.where == "receipt"}
    assert len(RULE_OF) == len(RULES)
    assert all(rule.why for rule in RULES)


def test_what_changes_between_two_processes_of_a_runtime_is_named():
    assert changed(BASE, replace(BASE, pid=2, process=PROCESS | {"allocator": "libjemalloc.so.2"})) is None
    assert changed(BASE, replace(BASE, process=PROCESS | {"denormals": "zeroed"})) == "denormals"
    assert changed(BASE, replace(BASE, process={})) == "affinity"
    assert changed(replace(BASE, commit=None), replace(BASE, commit=None, pid=2)) is None


@pytest.mark.parametrize(
    ("one", "base", "same"),
    [
        (COMMIT, COMMIT, True),
        (COMMIT, COMMIT + "dead", True),
        ("6af1a9", "6af1a9", False),
        (None, None, False),
        (COMMIT, "6af1a93ff", False),
    ],
)
def test_commits_are_one_where_enough_digits_agree(one, base, same):
    assert same_commit(one, base) == same_commit(base, one) == same


def test_the_documents_have_every_key():
    assert document.between(rules.PATH, rules.BEGIN, rules.END) == comparable.markdown(), "run python -m bench.rules"
    text = (CHECKOUT / "bench" / "PROTOCOL.md").read_text(encoding="utf-8")
    assert [rule.key for rule in RULES if f"`{rule.key}`" not in text] == []
