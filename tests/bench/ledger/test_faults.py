"""What is seen of the faults of a stage: refused files, other sizes, what looks like a decoder; and names that are easily mistaken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.ledger import tally
from bench.ledger.faults import Faults
from bench.ledger.found import StageFault
from bench.ledger.tally import Tally
from bench.ledger.walk import Walk, walk
from tests.bench.ledger import pictures
from tests.bench.ledger.pictures import SPEC
from tests.bench.ledger.toy import NAMES, TOLERANCE, Toy, picture

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"


def found(folder: Path, *walks: tuple[Walk, bytes]) -> tuple[StageFault, ...]:
    faults, sums = Faults(SPEC, TOLERANCE, NAMES, NAMES), Tally(TOLERANCE)
    for number, (each, head) in enumerate(walks):
        path = folder / str(number)
        path.write_bytes(head)
        sums.add(each)
        faults.add(each, path)
    return faults.found(sums)


def with_decode(change, seed: int = 0) -> Walk:
    """A candidate whose decoded pixels are changed, and nothing else."""
    reference = Toy().run(picture(seed))
    candidate = replace(reference, arrays={**reference.arrays, "decode": change(reference.arrays["decode"])})
    return walk(reference, candidate, Toy().ask, TOLERANCE, NAMES)


def by_one(pixels: np.ndarray) -> np.ndarray:
    return pixels ^ (np.arange(pixels.size).reshape(pixels.shape) % 4 == 0)


def test_refused_files_are_said_beside_what_differs(tmp_path):
    refused = Toy().walk(picture(1), refuses=True)
    (only,) = found(tmp_path, (refused, PNG))
    assert only.seen == "1 of 1 images are refused"
    (both,) = found(tmp_path, (refused, PNG), (with_decode(by_one), PNG))
    assert both.seen.startswith("1 of 2 images are refused; differences of at most 1 on 25.0 % of the values")


def test_another_decoder_is_suspected_where_all_files_are_jpeg(tmp_path):
    walks = [with_decode(by_one, seed) for seed in (0, 1)]
    for heads, suspected in (((JPEG, JPEG), True), ((JPEG, PNG), False), ((PNG, JPEG), False)):
        (fault,) = found(tmp_path, *zip(walks, heads, strict=True))
        assert ("another JPEG decoder" in fault.seen) == suspected, heads


@pytest.mark.parametrize("shape", [(0, 0, 3), (5, 0, 3), (12, 12), (12, 12, 4), (3, 12, 12)])
def test_arrays_of_any_shape_are_said(tmp_path, shape):
    (fault,) = found(tmp_path, (with_decode(lambda _: np.zeros(shape, np.uint8)), JPEG))
    assert fault.seen.startswith(f"makes {' x '.join(map(str, shape))} where the reference makes 12 x 12 x 3")


def test_no_name_is_not_the_name_none():
    names = ("None", "a", "b", "c", "d")
    reference = Toy(names=names, best=lambda _: 0).run(picture(0))
    candidate = replace(reference, label=None)
    made = walk(reference, candidate, Toy().ask, TOLERANCE, names)
    sums = Tally(TOLERANCE)
    sums.add(made)
    assert [fault.stage for fault in made.faults][-1] == "label"
    assert {row.stage: row.equal for row in sums.differences()}["label"] == 0


def test_an_index_below_zero_has_no_name():
    reference = Toy().run(picture(0))
    made = walk(reference, replace(reference, top1=-1, label=NAMES[-1]), Toy().ask, TOLERANCE, NAMES)
    assert [fault.stage for fault in made.faults] == ["top-1", "label"]
    assert made.own_name == "-1"


def test_large_arrays_are_summed_in_parts(monkeypatch):
    reference = pictures.draw(0, (40, 30))
    theirs = np.asarray(reference).astype(np.float32)
    ours = theirs.copy()
    ours[3, 4, 0], ours[29, 39, 2] = np.nan, ours[29, 39, 2] + 7
    sums = []
    for block in (1 << 20, 100):
        monkeypatch.setattr(tally, "BLOCK", block)
        sums.append(tally.Sums())
        sums[-1].add(ours, theirs, None)
        sums[-1].add(theirs + np.float32(0.5), theirs, 0.5)
    assert sums[0] == sums[1]
    assert (sums[0].images, sums[0].equal, sums[0].differing, sums[0].most) == (2, 1, 2, np.finfo(np.float64).max)
