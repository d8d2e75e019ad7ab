"""Replayed comparisons, and the tables of a self-test, from live comparisons made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench import ratios
from bench.results import Contrast
from bench.selftest import command, table
from bench.selftest.found import Pairs, Plan, SelfTest, live
from bench.selftest.pair import Compared
from bench.selftest.replay import Replayed, replay
from contract.layout import CHECKOUT
from tests.bench import fakes


def bank(scatter: float, generations: int = 60, seed: int = 0) -> list[float]:
    return list(np.random.default_rng(seed).normal(0, scatter, generations))


def test_equal_programs_are_called_different_about_as_often_as_stated():
    found = replay(bank(0.003), 8, [0.01, 0.03], seed=0, replays=1500)
    assert found.alarms / 1500 < 0.02
    assert 0.93 < found.covered / 1500 < 0.97
    assert found.found["0.03"] == 1500
    assert 0.5 < found.found["0.01"] / 1500 <= 1


def test_a_difference_that_is_always_there_is_exchanged_away():
    """One of the two live programs was 2 % slower throughout: exchanged sides make the truth 0 again, and the scatter wide."""
    biased = [0.02 + each for each in bank(0.001)]
    found = replay(biased, 8, [], seed=0, replays=400)
    assert found.alarms / 400 < 0.03


def test_seeded():
    assert replay(bank(0.003), 4, [0.01], seed=3, replays=50) == replay(bank(0.003), 4, [0.01], seed=3, replays=50)


def test_too_few_generations():
    with pytest.raises(ValueError, match="8 generations are drawn from 4"):
        replay(bank(0.003, 4), 8, [], seed=0)


def compared(slowdown: float, seen: float, scatter: float = 0.002, seed: int = 0) -> Compared:
    random = np.random.default_rng(seed)
    logs = [math.log1p(seen) + random.normal(0, scatter) for _ in range(6)]
    found = ratios.evidence(logs)
    p = ratios.p_value(found)
    verdict = ratios.verdict(found, 0.01, p, p)
    contrast = Contrast(
        fakes.cell(runtime="copy"), fakes.cell(), "runtime", ratios.interval(found), p, p, None, verdict, 6, 6, None, same_graph=False
    )
    return Compared(slowdown, 15.0, contrast, tuple(logs))


def trials() -> list[Compared]:
    return [
        compared(0.0, 0.0, seed=1),
        compared(0.0, 0.05, seed=2),  # a false alarm
        compared(0.03, 0.03, seed=3),
        compared(0.03, 0.03, seed=4),
        compared(0.01, 0.01, scatter=0.02, seed=5),  # not found
        compared(0.01, -0.04, seed=6),  # the wrong way round
    ]


def selftest(replayed: Replayed | None) -> SelfTest:
    plan = Plan("wings/resnet18", "raw-static", (Pairs(0.0, 15.0, 2), Pairs(0.03, 15.0, 2), Pairs(0.01, 15.0, 2)), 3, 0.01, 0)
    return SelfTest("wings/resnet18", "2 threads", tuple(live(trials())), replayed, tuple(trials()), plan, fakes.ground())


def test_rows_by_slowdown():
    rows = {row.slowdown: row for row in live(trials())}
    assert [(share, row.trials, row.right, row.wrong) for share, row in rows.items()] == [(0.0, 2, 1, 1), (0.03, 2, 2, 0), (0.01, 2, 0, 1)]
    assert (rows[0.03].covered, rows[0.03].processes) == (2, 6)
    assert rows[0.03].right_bound == pytest.approx(0.05**0.5)  # two of two
    assert rows[0.0].covered == 1


def test_goals_are_met_or_not_and_shown_or_not():
    tested = selftest(Replayed(2000, 8, 5, 1900, {"0.01": 1990}))
    said = table.goals(tested)
    assert "1 of 2 live" in said[0]
    assert said[0].endswith("**not met**")
    assert said[1].startswith("at least 95 % found at +3% within 15 s a pair: 2 of 2, at least 22.4% at 95 %")
    assert said[1].endswith("seen, but not shown by so few comparisons")
    assert said[2].endswith("**not met**")
    # However many are replayed, they are draws from the same few.
    assert said[3].endswith("replayed: 0.25% of 2000: seen; draws from so few live comparisons bound nothing")
    assert said[4].endswith("replayed: 95.0% of 2000: seen; draws from so few live comparisons bound nothing")
    worse = replace(tested, replayed=Replayed(2000, 8, 21, 1970, {}))
    assert [line.rpartition(": ")[2] for line in table.goals(worse)[3:]] == ["**not met**"] * 2
    text = table.markdown(tested)
    assert "| 3% | 15 s | 2 | 2 | 0 | 0 | 2 of 2 (>= 22.4%) |" in text
    assert "| 1% | 15 s | 2 | 0 | 1 | 1 |" in text


def test_before_there_is_anything_to_replay():
    assert "replayed" not in table.markdown(selftest(None))


def test_the_document_has_the_marks():
    text = (CHECKOUT / "METHODOLOGY.md").read_text(encoding="utf-8")
    assert text.index(table.BEGIN) < text.index(table.END)


def test_the_largest_share_of_the_trials_is_what_the_goals_ask():
    asked = {share: (seconds, count) for share, seconds, count in command.TRIALS}
    assert asked[0.03] == (15.0, 60)
    assert asked[0.01] == (60.0, 60)
    assert next(iter(asked)) == 0.0
