"""The line above the answers, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.report import verdict
from bench.results import ClaimJudged
from tests.bench import made

GOOD = made.row("raw-dynamic", "ort-python")
LOST = replace(GOOD, judged=False, passed=False)
SHORT = replace(GOOD, claim=ClaimJudged("disagreement < 1 % at 95 %", 0.02, 299, supported=False))


@pytest.mark.parametrize(
    ("rows", "problems", "said"),
    [
        ((GOOD, GOOD), (), ("pass", "good")),
        ((GOOD,), ("not one build of ONNX Runtime",), ("pass, with problems", "open")),
        ((GOOD, SHORT), (), ("claim not supported", "open")),
        ((GOOD, SHORT, LOST), (), ("1 of 3 not judged", "open")),
        ((replace(GOOD, passed=False), LOST, GOOD), (), ("FAIL in 1 of 3", "bad")),
        ((), (), ("not judged", "open")),
    ],
)
def test_the_worst_is_said(rows, problems, said):
    assert verdict.parity(replace(made.results(), parity=rows, problems=problems)) == said


def test_both_error_rates():
    noise = made.results().noise
    assert noise is not None
    assert verdict.error_rates(replace(noise, judged=14, bound=0.1926)) == (
        "false alarms 0 of 14, below 19.3 % at 95 %; the median ratio finds slow-downs from 1.20 % on"
    )
    assert verdict.error_rates(replace(noise, judged=0, bound=None, mde=None)) == (
        "no pair of equal programs timed often enough to count false alarms; too few processes to say which slow-downs are found"
    )
    assert verdict.error_rates(None) == "not known, nothing was timed"
