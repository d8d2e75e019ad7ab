"""Sides of a comparison when a runner fails: what is left open is closed with the error."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from bench.blame.chain import Chain
from bench.runner import RunnerError


def test_a_runner_that_died_is_not_asked_to_unload():
    chain, seen = Chain.__new__(Chain), []
    chain._stack = ExitStack()
    chain._stack.push(lambda _kind, error, _trace: seen.append(error))
    died = RunnerError("died")
    with pytest.raises(RunnerError), chain:
        raise died
    assert seen == [died]
