"""Hypothesis without a stopwatch: a busy machine is no failure of the code. And what whole runs leave behind is looked for."""

from __future__ import annotations

from hypothesis import settings

from tests.bench.whole import pids

__all__ = ["pids"]

settings.register_profile("bench", deadline=None, max_examples=40)
settings.load_profile("bench")
