"""The self-test as Markdown: for the run's folder, and for METHODOLOGY.md between its two marks."""

from __future__ import annotations

from bench.report import words
from bench.selftest.found import Live, SelfTest
from bench.selftest.replay import Replayed

BEGIN, END = "<!-- selftest: written by `nox -s selftest -- --write`; do not edit -->", "<!-- end of selftest -->"
# What DESIGN.md asks of a 2-core VM on ResNet18: at most 1 % false alarms, 95 % of the slow-downs found, 94-96 % coverage.
MOST_ALARMS, LEAST_FOUND, COVERAGE = 0.01, 0.95, (0.94, 0.96)


def markdown(tested: SelfTest) -> str:
    """A line about the machine, the live table, the replayed table, and the goals."""
    lines = [f"{tested.subject}, ort-python against a copy of itself; {tested.machine}.", ""]
    verdicts = ("called slower", "called faster", "equivalent, inconclusive")
    columns = ("put in", "time a pair", "pairs", *verdicts, "intervals that hold it", "median half width", "processes")
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *[_live(each, tested) for each in tested.live]]
    if tested.replayed is not None:
        lines += ["", *_replayed(tested.replayed)]
    lines += ["", *[f"* {each}" for each in goals(tested)]]
    return "\n".join(lines) + "\n"


def _live(row: Live, tested: SelfTest) -> str:
    said = [each.contrast.verdict for each in tested.compared if each.slowdown == row.slowdown]
    slower, faster = said.count("slower"), said.count("faster")
    width = "n/a (too few processes)" if row.half_width is None else f"{row.half_width:.2%}"
    return (
        f"| {row.slowdown:.0%} | {row.seconds:g} s | {row.trials} | {slower} | {faster} | {row.trials - slower - faster} |"
        f" {row.covered} of {row.trials} (>= {row.covered_bound:.1%}) | {width} | {row.processes:g} |"
    )


def _replayed(found: Replayed) -> list[str]:
    slowdowns = ", ".join(f"+{float(name):.0%}: {count / found.replays:.1%}" for name, count in found.found.items())
    said = (
        f"{found.replays} comparisons replayed from the live ones of equal programs, {found.processes} generations each:",
        f"{found.alarms} called different;",
        f"{found.covered / found.replays:.1%} of the 95 % intervals held the truth; found of added slow-downs: {slowdowns}.",
    )
    return [" ".join(said)]


def goals(tested: SelfTest) -> list[str]:
    """Each goal, what was seen, and whether so many comparisons show it."""
    said = []
    for row in tested.live:
        if row.slowdown == 0:
            shown = f"{row.wrong} of {row.trials} live, {words.below(row.trials, row.wrong_bound)} at 95 %"
            said.append(f"at most 1 % false alarms: {shown}: {_met(row.wrong / row.trials <= MOST_ALARMS, row.wrong_bound <= MOST_ALARMS)}")
        else:
            shown = f"{row.right} of {row.trials}, at least {row.right_bound:.1%} at 95 %"
            met = _met(row.right / row.trials >= LEAST_FOUND, row.right_bound >= LEAST_FOUND)
            said.append(f"at least 95 % found at +{row.slowdown:.0%} within {row.seconds:g} s a pair: {shown}: {met}")
    if tested.replayed is not None:
        found = tested.replayed
        # No bounds: however many are drawn, they are drawn from the same few live comparisons.
        share, covered, (least, most) = found.alarms / found.replays, found.covered / found.replays, COVERAGE
        said.append(f"at most 1 % false alarms, replayed: {share:.2%} of {found.replays}: {_seen(share <= MOST_ALARMS)}")
        said.append(f"94-96 % coverage of the 95 % interval, replayed: {covered:.1%} of {found.replays}: {_seen(least <= covered <= most)}")
    return said


def _seen(met: bool) -> str:
    return "seen; draws from so few live comparisons bound nothing" if met else "**not met**"


def _met(seen: bool, shown: bool) -> str:
    return "met, and shown" if shown else "seen, but not shown by so few comparisons" if seen else "**not met**"
