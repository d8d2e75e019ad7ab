"""Hypothesis without a stopwatch: a busy machine is no failure of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("bench", deadline=None, max_examples=40)
settings.load_profile("bench")
