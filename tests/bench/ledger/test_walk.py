"""The walk finds exactly the stages that are wrong, and asks no more than that takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ledger.stages import ARRAYS, STAGES, TENSORS, Said
from bench.ledger.tally import Tally
from bench.ledger.walk import Walk, walk
from contract.errors import DataError
from tests.bench.ledger.toy import NAMES, TOLERANCE, WRONG, Picky, Toy, picture


def stages(found: Walk) -> list[str]:
    return [fault.stage for fault in found.faults]


def test_nothing_is_asked_where_all_is_equal():
    toy = Toy()
    found = toy.walk(picture(0))
    assert (found.faults, toy.asked, found.flip) == ((), [], False)


@given(st.sets(st.sampled_from(sorted(WRONG))), st.integers(0, 999))
def test_exactly_the_wrong_stages_are_found_in_order(wrong, seed):
    toy = Toy(tuple(wrong))
    found = toy.walk(picture(seed))
    ordered = [stage for stage in STAGES if stage in wrong]
    assert stages(found) == ordered
    assert toy.asked == [stage for stage in ordered if stage != "logits"]  # once for each, and never for what is only inherited


@given(st.sets(st.sampled_from(sorted(WRONG)), min_size=1), st.integers(0, 999))
def test_the_effects_sum_to_the_whole(wrong, seed):
    found = Toy(tuple(wrong)).walk(picture(seed))
    assert found.total is not None
    assert sum(fault.effect for fault in found.faults if fault.effect is not None) == pytest.approx(found.total, abs=1e-4)


def test_a_label_that_differs_counts_once_and_one_that_does_not_never():
    for seed in range(60):
        toy = Toy(("decode", "logits"))
        found = toy.walk(picture(seed))
        assert sum(fault.flip for fault in found.faults) == found.flip


def test_class_names_in_another_order_are_no_fault_of_the_logits():
    found = Toy(names=NAMES[::-1]).walk(picture(3))
    assert stages(found) in (["label"], [])  # the middle one keeps its name
    assert {tuple(stages(Toy(names=NAMES[::-1]).walk(picture(seed)))) for seed in range(30)} == {("label",), ()}
    assert found.flip is bool(found.faults)


def test_an_index_that_is_off_is_top_1s():
    found = Toy(best=lambda logits: (int(np.argmax(logits)) + 1) % len(logits)).walk(picture(1))
    assert stages(found) == ["top-1"]
    assert found.flip
    assert found.faults[0].flip


def test_a_near_tie_that_goes_the_other_way_is_nobodys_fault():
    image = picture(4)
    right = Toy().run(image)
    tied = right.arrays["logits"].copy()
    first, second = np.argsort(tied)[::-1][:2]
    tied[second] = tied[first] - TOLERANCE / 4
    other = tied.copy()
    other[second] += TOLERANCE / 2
    reference = replace(right, arrays={**right.arrays, "logits": tied})
    candidate = Said({**right.arrays, "logits": other}, int(second), NAMES[second], None)
    found = walk(reference, candidate, Toy().ask, TOLERANCE, NAMES)
    assert (found.flip, found.faults) == (True, ())


def test_nan_in_the_logits_is_a_fault():
    right = Toy().run(picture(5))
    broken = replace(right, arrays={**right.arrays, "logits": right.arrays["logits"] * np.nan})
    assert "logits" in stages(walk(right, broken, Toy().ask, TOLERANCE, NAMES))


def test_a_file_that_is_refused_is_decodes_fault():
    found = Toy().walk(picture(6), refuses=True)
    assert stages(found) == ["decode"]
    assert (found.faults[0].made, found.flip, found.faults[0].flip, found.total) == (None, True, True, None)
    with pytest.raises(DataError):
        Picky(("decode",)).walk(picture(6), refuses=True)


def test_an_array_that_does_not_fit_ends_the_walk():
    found = Picky(("resize", "logits")).walk(picture(7))
    assert stages(found) == ["resize"]
    assert found.faults[0].effect is None


def tallied(wrong: tuple[str, ...], images: int = 20) -> Tally:
    tally = Tally(TOLERANCE)
    for seed in range(images):
        tally.add(Toy(wrong if seed % 2 else ()).walk(picture(seed)))
    return tally


def test_the_sums_say_what_differs_end_to_end():
    rows = {row.stage: row for row in tallied(("crop",)).differences()}
    assert list(rows) == list(STAGES)
    assert {stage: rows[stage].equal for stage in ARRAYS} == dict.fromkeys(ARRAYS[:3], 20) | dict.fromkeys(ARRAYS[3:], 10)
    assert rows["top-1"].equal == rows["label"].equal >= 10
    assert rows["decode"].max_difference == rows["decode"].share == 0
    assert 200 < rows["crop"].max_difference <= 255
    assert 0.45 < rows["crop"].share < 0.5  # half of the images, and few of their values are equal by chance
    assert (rows["label"].max_difference, rows["label"].share) == (None, None)


def test_the_sums_by_hand():
    right = Said({stage: np.zeros((2, 2, 3), np.uint8) for stage in TENSORS} | {"logits": np.float32([0, 1])}, 1, "b", None)
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = [7, 0, 2]
    wrong = Said({**right.arrays, "decode": pixels, "crop": pixels[:1], "logits": np.float32([0, 1.5])}, 0, "a", None)
    tally = Tally(0.25)
    for candidate in (right, wrong, None):
        tally.add(Walk(right, candidate, (), None, candidate is not right, 0, ""))
    rows = {row.stage: row for row in tally.differences()}
    decode, crop, logits, label = (rows[stage] for stage in ("decode", "crop", "logits", "label"))
    assert (decode.images, decode.equal, decode.max_difference, decode.share, decode.other_shape) == (3, 1, 7, 2 / 24, 1)
    assert (crop.equal, crop.max_difference, crop.share, crop.other_shape) == (1, 0, 0, 2)
    assert (logits.equal, logits.max_difference, logits.share) == (1, 0.5, 1 / 4)
    assert (label.images, label.equal) == (3, 1)
    assert (tally.images, tally.flips) == (3, 2)


def test_effects_and_flips_of_faults():
    tally = tallied(("decode", "normalise"), 40)
    decode, normalise = tally.made["decode"], tally.made["normalise"]
    assert (decode.images, decode.alone, normalise.images) == (20, 0, 20)
    assert tally.effect("decode") + tally.effect("normalise") == pytest.approx(1)
    assert tally.effect("decode") > 0.9  # 1/256 for 1/255 is little beside channels in another order
    assert decode.flips + normalise.flips == tally.flips
    assert tallied(("decode",)).made["decode"].alone == 10
    assert Tally(TOLERANCE).effect("decode") is None
