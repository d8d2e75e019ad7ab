"""Blame in one sentence: it says what was found, and plainly what was not looked for."""

from __future__ import annotations

import pytest

from bench.blame import words
from bench.blame.found import EAGER_PROGRAM, RAW_SIMPLIFIED, Link, WeightDiffers
from bench.blame.graph import Step
from bench.blame.locate import Located

STEP = Step(3, "node_conv", "Conv", ("x",), ("y",))
FOUND = Located((STEP,), "y", 0.5, 0.001, 9, 9, 4, None, None)
LINKS = [Link(EAGER_PROGRAM, 0.25, 0.001, False, True, True), Link(RAW_SIMPLIFIED, None, 0.0, True, True, True)]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("made", "made there: fed with the reference's inputs it differs, too"),
        ("inherited", "inherited: fed with the reference's inputs it does not differ"),
        (None, "its inputs do not differ (it was not run alone)"),
    ],
)
def test_a_node(origin, said):
    found = Located(FOUND.steps, "y", 0.5, 0.001, 9, 9, 4, None, origin)
    assert words.said(RAW_SIMPLIFIED, LINKS, found, ["a hint"]) == (
        f"raw -> simplified: Conv 'node_conv' is the first node that differs (by 0.5 in 'y', tolerated 0.001), {said}; 4 sessions; a hint"
    )


def test_an_edge_without_a_node_and_no_edge():
    assert words.said(EAGER_PROGRAM, LINKS, None, ["no node"]) == "eager -> program: the logits differ by 0.25, tolerated 0.001; no node"
    assert words.said(RAW_SIMPLIFIED, LINKS, None, []) == "raw -> simplified: the logits differ by more than any number, every bit is owed"
    assert words.said(None, LINKS[:1], None, []) == "no edge of the chain differs on this image (eager -> program 0.25)"


def test_weights():
    one, two = WeightDiffers("a", "why"), WeightDiffers("b", "other")
    assert words.of_weights([]) == []
    assert words.of_weights([one]) == ["'a' is not the checkpoint's (why)"]
    assert words.of_weights([one, two]) == ["'a' is not the checkpoint's (why), and 1 more tensors are not the checkpoint's"]
