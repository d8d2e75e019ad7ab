"""Causes behind the tensor: of logits, of the index, of class names; and what so few images or classes cannot show."""

from __future__ import annotations

import numpy as np
import pytest

from bench.ledger import causes_answer, verdict
from bench.ledger.found import Cause

LOGITS = np.random.default_rng(0).normal(0, 3, (12, 5))


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True), "softmax applied"),
        (LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True)), "log-softmax applied"),
        (1 / (1 + np.exp(-LOGITS)), "sigmoid applied"),
        (-LOGITS, "the signs turned"),
        (LOGITS[:, [0, 1, 3, 4, 2]], "columns in another order: 2 -> 3, 3 -> 4, 4 -> 2"),
        (LOGITS + np.arange(12)[:, None], "a constant added to all logits of an image"),
        (LOGITS + np.arange(5), "another bias for each class"),
        (LOGITS * 0.5, "all logits times 0.5"),
    ],
)
def test_logits(made, name):
    best = causes_answer.logits(LOGITS, made, 1e-6)[0]
    assert (best.name, best.exact) == (name, 12)
    assert best.explained == pytest.approx(1)


def test_logits_that_cannot_be_compared():
    assert causes_answer.logits(LOGITS, LOGITS[:, :3], 1e-6) == ()
    assert causes_answer.logits(LOGITS, LOGITS * np.nan, 1e-6) == ()
    assert all(cause.exact == 0 for cause in causes_answer.logits(LOGITS, np.random.default_rng(1).normal(0, 3, (12, 5)), 1e-6))


@pytest.mark.parametrize("classes", [2, 3, 1000])
@pytest.mark.parametrize("images", [1, 2, 4, 16])
def test_noise_has_no_cause(images, classes):
    """Two classes leave a constant half of anything, and of 1000 columns some order comes close to anything."""
    named, tries = 0, 3 if classes == 1000 else 20
    for seed in range(tries):
        random = np.random.default_rng(seed)
        expected = random.normal(0, 3, (images, classes))
        found = causes_answer.logits(expected, expected + random.normal(0, 0.3, expected.shape), 1e-6)
        named += bool(found) and found[0].explained >= verdict.EXPLAINS
    assert named <= 0.15 * tries


@pytest.mark.parametrize("classes", [2, 5])
def test_a_fit_is_named_where_few_numbers_are_left_to_show_it(classes):
    made = LOGITS[:1, :classes] + 0.5
    assert causes_answer.logits(LOGITS[:1, :classes], made, 1e-6)[0].name == "a constant added to all logits of an image"


def test_class_names():
    natural = tuple(f"class{number}" for number in range(1, 12))
    found = causes_answer.names(["class2"], ["class10"], sorted(natural), natural)
    assert found[0].name.startswith("class names in another order (sorted as text): class2 -> class10, class3 -> class11, ")
    assert found[0].name.endswith(" and 4 more")
    found = causes_answer.names(["class2"], ["class10"], natural, sorted(natural))
    assert "(sorted by the numbers in them)" in found[0].name
    assert causes_answer.names(["a"], ["x"], ("x", "b"), ("a", "b"))[0].name == "other class names: 2, and 1 of the 2 are not there"
    swapped = causes_answer.names(["a", "b", "a"], ["b", "a", "b"], ("a", "b"), ("a", "b"))
    assert swapped == (Cause("labels permuted: a -> b, b -> a", 1.0, 3, 3),)
    assert causes_answer.names(["a", "b", "a"], ["b", "a", "c"], None, ("a", "b", "c")) == ()
    assert causes_answer.index([1, 2, 3], [2, 3, 0]) == (Cause("index off by +1", 2 / 3, 2, 3),)


def test_one_index_or_name_is_no_rule():
    assert causes_answer.index([1], [3]) == ()
    assert causes_answer.index([0, 1, 0, 1], [1, 0, 1, 0]) == ()  # the smallest of two logits is off by nothing constant
    assert causes_answer.names(["a", "a"], ["b", "b"], None, ("a", "b")) == ()
    assert causes_answer.names(["cat", "dog"], ["Cat", "Dog"], None, ("cat", "dog")) == ()
    assert causes_answer.names(["a", "b"], [None, None], None, ("a", "b")) == ()


@pytest.mark.parametrize("odd", ["5²", "٣", "", "a|b", "½", "Ⅷ", "x\0"])
def test_class_names_of_any_characters(odd):
    (cause,) = causes_answer.names(["b"], [odd], (odd, "b"), ("b", odd))
    assert cause.name.startswith("class names in another order")
