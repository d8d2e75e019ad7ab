"""Verdicts on logits written by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench.parity import compare
from bench.parity.compare import Answers, equal_images, hear, judge
from contract.errors import UsageError

NAMES = ("a", "b", "c")
PATHS = ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
# Margins of the reference: 2, 1, 0.01, 0.01. With a tolerance of 0.01 the first two are wide.
REFERENCE = np.array([[3, 1, 0], [0, 2, 1], [1, 0.99, 0], [0, 1, 0.99]], dtype=np.float32)


def answers(logits: object, names: tuple[str, ...] = NAMES, against: np.ndarray | None = None) -> Answers:
    """As they are heard of a runner, three images at a time."""
    array = np.asarray(logits, dtype=np.float32)
    parts = [array[start : start + 3] for start in range(0, len(array), 3)]
    return hear(parts, names, None if against is None else lambda start, count: against[start : start + count])


def judged(logits: object, names: tuple[str, ...] = NAMES, tolerance: float = 0.01, shown: int = 8) -> compare.Judged:
    return judge(answers(REFERENCE), answers(logits, names, REFERENCE), tolerance, PATHS, shown)


def counts(logits: object, names: tuple[str, ...] = NAMES, tolerance: float = 0.01) -> tuple[int, int, int, int, int]:
    found = judged(logits, names, tolerance)
    return found.certified, found.agree, found.near_tie_flips, found.flips, found.beyond_tolerance


def changed(*changes: tuple[int, int, float]) -> np.ndarray:
    logits = REFERENCE.copy()
    for image, index, value in changes:
        logits[image, index] = value
    return logits


def test_margins_and_differences():
    assert compare.margins(REFERENCE) == pytest.approx([2, 1, 0.01, 0.01], abs=1e-7)
    assert compare.differences(REFERENCE, changed((1, 2, 1.5), (1, 0, 0.25))) == pytest.approx([0, 0.5, 0, 0])


def test_the_same_answers():
    assert counts(REFERENCE) == (2, 2, 0, 0, 0)
    found = judged(REFERENCE)
    assert (found.max_difference, found.shown) == (0, ())
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 4))


def test_a_flip_within_twice_the_tolerance_is_a_near_tie():
    logits = changed((2, 1, 1.005))
    assert counts(logits) == (2, 1, 1, 0, 1)
    assert counts(logits, tolerance=0.006) == (2, 1, 1, 0, 1)
    assert counts(logits, tolerance=0.004) == (3, 0, 0, 1, 1)
    (shown,) = judged(logits).shown
    assert (shown.path, shown.verdict, shown.reference_label, shown.label) == ("2.jpg", "near-tie flip", "a", "b")
    assert shown.margin == pytest.approx(0.01, abs=1e-7)
    assert shown.max_difference == pytest.approx(0.015, abs=1e-6)


def test_a_flip_beyond_it_fails():
    found = judged(changed((0, 1, 4), (2, 1, 1.005)), shown=1)
    assert (found.certified, found.agree, found.near_tie_flips, found.flips) == (1, 1, 1, 1)
    assert [(each.path, each.verdict) for each in found.shown] == [("0.jpg", "flip")]
    # 2 of 4 differ: P(X <= 2) = 5 % at the bound.
    p = found.bound
    assert (1 - p) ** 4 + 4 * p * (1 - p) ** 3 + 6 * p**2 * (1 - p) ** 2 == pytest.approx(0.05)


def test_beyond_tolerance_counts_images_not_labels():
    assert counts(changed((0, 0, 3.5), (1, 2, 1.01))) == (2, 2, 0, 0, 1)


def test_class_names_in_another_order_are_flips():
    assert counts(REFERENCE, ("b", "a", "c")) == (0, 0, 2, 2, 0)
    # A swap of columns that the names follow says the same thing of every image, though the logits moved.
    assert counts(REFERENCE[:, [1, 0, 2]], ("b", "a", "c"))[:4] == (2, 2, 0, 0)


def test_ties_go_to_the_first():
    assert answers([[1, 1, 1], [0, 1, 1]]).labels == ["a", "b"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_judged(bad):
    with pytest.raises(UsageError, match="nothing to compare: 1 images have logits that are not finite"):
        counts(changed((3, 0, bad), (3, 1, bad)))
    with pytest.raises(UsageError, match="the reference's logits are not finite"):
        compare.check_comparable(answers(changed((3, 0, bad))), "x")


def test_other_shapes_and_too_few_names_are_not_judged():
    with pytest.raises(UsageError, match="answers for 3 images, the reference has 4"):
        counts(REFERENCE[:3])
    with pytest.raises(UsageError, match=r"logits of shape \(3, 2\), the reference has \(3, 3\)"):
        counts(REFERENCE[:, :2])
    with pytest.raises(UsageError, match=r"logits of shape \(3, 1, 3\)"):
        counts(REFERENCE[:, None])
    with pytest.raises(UsageError, match="2 class names for 3 logits"):
        counts(REFERENCE, ("a", "b"))
    with pytest.raises(UsageError, match="4 class names for 3 logits"):
        counts(REFERENCE, ("a", "b", "c", "d"))


def test_nothing_to_compare():
    compare.check_comparable(answers(REFERENCE), "x")
    with pytest.raises(UsageError, match="no images"):
        answers(np.zeros((0, 3)))
    with pytest.raises(UsageError, match="gives all 4 images one label, 'b'"):
        compare.check_comparable(answers(REFERENCE + np.array([0, 9, 0])), "x")
    with pytest.raises(UsageError, match="one label"):
        compare.check_comparable(answers(REFERENCE[:, :1], ("a",)), "x")
    with pytest.raises(UsageError, match="the reference has 3 logits, and 2 class names"):
        compare.check_comparable(answers(REFERENCE, ("a", "b")), "x")


def test_what_stays_of_logits():
    logits = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    heard = answers(logits, tuple("abcde"))
    assert len(heard) == 40
    assert heard.labels == ["abcde"[index] for index in logits.argmax(axis=1)]
    assert np.array_equal(heard.margins, compare.margins(logits))
    assert not heard.differences.any()
    assert np.array_equal(heard.first, logits[: compare.KEPT])
    # Nothing else of them does.
    assert all(array.nbytes <= 16 * 40 for name, array in vars(heard).items() if isinstance(array, np.ndarray) and name != "first")


def test_logits_are_never_together_in_memory():
    part = np.random.default_rng(0).normal(size=(96, 1000)).astype(np.float32)
    tracemalloc.start()
    heard = hear((part + number for number in range(50)), tuple(map(str, range(1000))), lambda _start, count: part[:count])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(heard) == 50 * 96
    assert peak < 20 * part.nbytes  # of 50; some of it in float64


def test_a_first_label_has_its_softmax():
    heard = answers([[0, np.log(3), 0], [1000, 0, 0]])
    assert heard.labels == ["b", "a"]
    assert heard.shares == pytest.approx([0.6, 1.0])


NAN, OTHER_NAN = np.array([0x7FC00000, 0x7FC00001], dtype=np.uint32).view(np.float32)
BITS = np.array([[0.0, 1], [-0.0, 1], [NAN, 1], [NAN, 1], [1, 2]], dtype=np.float32)
OTHER_BITS = np.array([[0.0, 1], [0.0, 1], [NAN, 1], [OTHER_NAN, 1], [1, np.nextafter(np.float32(2), 3)]], dtype=np.float32)


def test_digests_are_equal_where_bits_are():
    one, other = compare.digests(BITS), compare.digests(OTHER_BITS)
    assert (one == other).all(axis=1).tolist() == [True, False, True, False, False]
    assert not (one == compare.digests(BITS.astype(np.float64))).any()
    assert np.array_equal(compare.digests(np.asfortranarray(BITS)), one)  # whatever the layout in memory


def test_equal_images_compares_bits():
    one, other = BITS, OTHER_BITS
    assert equal_images(one, other).tolist() == [True, False, True, False, False]
    assert equal_images(one, other.astype(np.float64)).tolist() == [False] * 5
    assert equal_images(one, other[:, :1]).tolist() == [False] * 5
    assert equal_images(one[:, ::-1], np.ascontiguousarray(one[:, ::-1])).all()  # whatever the layout in memory


@given(hnp.arrays(np.float32, (6, 4), elements=st.floats(-8, 8, width=32)), st.floats(1e-6, 1))
def test_moves_within_tolerance_never_flip(logits, tolerance):
    moved = logits + np.float32(tolerance * 0.49) * np.where(np.arange(24).reshape(6, 4) % 2, 1, -1)
    found = judge(answers(logits, tuple("abcd")), answers(moved, tuple("abcd"), logits), tolerance, ["x"] * 6)
    assert found.flips == 0
    assert found.certified + found.agree + found.near_tie_flips == 6
