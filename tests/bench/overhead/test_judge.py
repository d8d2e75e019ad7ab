"""Ratios within a process, intervals over processes, verdicts on goals, shares of a latency."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.overhead import judge
from bench.overhead.judge import Goal
from bench.results import Measured
from contract.overhead import Counted
from contract.strict import StrictError
from tests.bench.made import measured
from tests.bench.overhead.made import PYTHON, RUST, counted, counts, receipt


def test_drift_cancels_within_a_process():
    one = [counted("ort-rust", RUST, drifts=(1.0, 3.0, 0.5)) for _ in range(3)]
    found = judge.ratio(one, "preallocated", "bare")
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((1.3, 1.3, 1.3))


def test_the_interval_is_over_processes():
    three = [counted("ort-rust", {**RUST, "preallocated": ns}, drifts=(1.0,)) for ns in (1200, 1300, 1400)]
    logs = [math.log(each) for each in (1.2, 1.3, 1.4)]
    mean = sum(logs) / 3
    sd = math.sqrt(sum((each - mean) ** 2 for each in logs) / 2)
    half = 4.302653 * sd / math.sqrt(3)  # Student's t, 97.5 %, 2 degrees of freedom
    found = judge.ratio(three, "preallocated", "bare")
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx([math.exp(mean + each) for each in (0, -half, half)], rel=1e-5)
    assert judge.ratio(three[:2], "preallocated", "bare") is None


def test_nanoseconds_a_call_are_of_the_median_block():
    found = judge.per_call([counted("ort-python", PYTHON, drifts=(1.0, 50.0, 0.9))] * 3, "run")
    assert found is not None
    assert found.value == pytest.approx(4000)
    assert judge.middle([counted("ort-python", {**PYTHON, "run": ns}) for ns in (1, 7, 4000)], "run") == pytest.approx(7)


def test_a_goal_is_met_or_not_only_where_the_whole_interval_says_so():
    wide = [{**PYTHON, "timed": ns} for ns in (4000, 4400, 4800)]
    goals = (
        Goal("", "ort-rust", "preallocated", "bare", 1.4),
        Goal("", "ort-rust", "run", "bare", 1.4),
        Goal("", "ort-python", "timed", "run", 1.1),
        Goal("", "ort-rust", "empty", None, 100.0),
        Goal("", "ort-rust", "stopwatch", None, 59.0),
    )
    assert [each.verdict for each in judge.judge(counts(python=wide), goals)] == ["met", "not met", "inconclusive", "met", "not met"]
    assert [each.verdict for each in judge.judge(counts(rust=[RUST] * 2), goals[:1])] == ["inconclusive"]


def test_the_goals_of_the_project_name_ways_that_there_are():
    assert all(each.found is not None for each in judge.judge(counts()))


def cell(runtime: str, kind: str = "latency", provider: str = "cpu", ns: float | None = 1e6) -> Measured:
    made = measured("raw-dynamic", runtime, kind)
    return replace(made, middle_ns=ns, cell=replace(made.cell, provider=provider))


def test_what_is_added_is_the_sample_less_the_bare_call():
    found = counts()
    assert judge.added(found, "ort-rust") == pytest.approx(500)
    assert judge.added(found, "ort-python") == pytest.approx(3200)
    assert judge.share(cell("ort-rust"), found) == pytest.approx(500 / 1e6)
    assert judge.share(cell("ort-python", "throughput", ns=4e6), found) == pytest.approx(3200 / 4e6)


def test_only_forwards_on_the_cpu_that_have_a_number_have_a_share():
    assert judge.share(cell("torch-eager"), counts()) is None
    assert judge.share(cell("ort-rust", provider="cuda"), counts()) is None
    assert judge.share(cell("ort-rust", kind="e2e"), counts()) is None
    assert judge.share(cell("ort-rust", ns=None), counts()) is None


@pytest.mark.parametrize("ways", [{}, {"run": ()}, {"run": (1, 2), "timed": (1,)}, {"run": (1, 0)}])
def test_counts_that_do_not_go_together_are_refused(ways: dict[str, tuple[int, ...]]):
    with pytest.raises(StrictError):
        Counted(receipt("ort-rust"), 1, 10, 0, ways)
