"""The line above the answers: the verdict of parity, and how often this run's own measuring misleads."""

from __future__ import annotations

from collections import Counter

from bench.report import words
from bench.report.answers import Tone
from bench.results import Noise, Results


def parity(results: Results) -> tuple[str, Tone]:
    """The worst that was found, for all rows together."""
    found, rows = Counter(map(words.parity_verdict, results.parity)), len(results.parity)
    if not rows:
        return "not judged", "open"
    if found["FAIL"]:
        return f"FAIL in {found['FAIL']} of {rows}", "bad"
    if found["nothing judged"]:
        return f"{found['nothing judged']} of {rows} not judged", "open"
    if found["claim not supported"]:
        return "claim not supported", "open"
    # As the exit code has it: the rows pass, and something else stands against the run.
    return ("pass, with problems", "open") if results.problems else ("pass", "good")


def error_rates(noise: Noise | None) -> str:
    """False alarms of equal programs, and the slow-down from which on one is found."""
    if noise is None:
        return "not known, nothing was timed"
    alarms = "no pair of equal programs timed often enough to count false alarms"
    if noise.bound is not None:
        alarms = f"false alarms {noise.alarms} of {noise.judged}, {words.below(noise.judged, noise.bound)} at 95 %"
    finds = "too few processes to say which slow-downs are found"
    if noise.mde is not None:
        finds = f"the median ratio finds slow-downs from {words.slowdown(noise.mde)} on"
    return f"{alarms}; {finds}"
