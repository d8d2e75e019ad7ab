"""The kill matrix: counted right, and written between its marks alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.faults import table
from bench.faults.every import FAULTS
from bench.faults.others import Others
from bench.faults.trial import Outcome
from bench.faults.verdict import Plan, Verdict
from contract.errors import DataError
from tests.bench import fakes

BLIND, SEEN = Others(allclose=False, top1=False, accuracy=False), Others(allclose=True, top1=True, accuracy=False)
OUTCOMES = (
    Outcome("bgr", 1.0, ("tensors",), "decode", "preprocessing differs", BLIND),
    Outcome("bgr", 0.1, ("tensors",), "decode", "preprocessing differs", None),
    Outcome("bgr", 0.01, (), None, "", None),
    Outcome("bias_shifted", 1.0, ("logits", "bits"), "logits", "logits differ", SEEN),
    Outcome("wrong_file", 1.0, ("file",), "logits", "another file", SEEN),
)
PLAN = Plan(
    "wings/resnet18", "raw-dynamic", "ort-python", 40, ("ort-python", "ort-rust"), "torch-eager", 0, "5a", (1, 8), 10.0, None, False, 20,
    {name: FAULTS[name].doses for name in ("bgr", "bias_shifted", "wrong_file", "rotated")},
)  # fmt: skip
VERDICT = Verdict(PLAN, fakes.ground(), 20, (), OUTCOMES)


def test_counts_and_rows():
    text = table.markdown(VERDICT)
    assert text.startswith("3 of 3 faults caught, 2 of 3 blamed on the right stage, 0 false alarms in 20 clean runs; wings/resnet18")
    assert "notices 2, top-1 on 32 images 2, accuracy within 1 % 0." in text
    assert "| decode | tensors | decode | 0.1 of 1, 0.1, 0.01 | blind | blind | blind |" in text
    assert "| runtime | file | **logits** | - | caught | caught | blind |" in text  # blamed on the wrong stage: bold


def test_good_is_all_caught_nearly_all_blamed_and_no_alarm():
    right = tuple(each for each in OUTCOMES if each.fault != "wrong_file")
    assert replace(VERDICT, outcomes=right).good
    assert not VERDICT.good
    assert not replace(VERDICT, outcomes=right, false_alarms=("clean run 1: labels",)).good
    missed = (*right, Outcome("rotated", 1.0, (), None, "", BLIND))
    assert not replace(VERDICT, outcomes=missed).good
    assert "**NOT CAUGHT**" in table.markdown(replace(VERDICT, outcomes=missed))


def test_it_is_written_between_its_marks(tmp_path):
    path = tmp_path / "METHODOLOGY.md"
    path.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write("new", path)
    table.write("newer", path)
    assert path.read_text() == f"before\n{table.BEGIN}\n\nnewer\n{table.END}\nafter\n"
    path.write_text("no marks")
    with pytest.raises(DataError, match="marks between which the table stands"):
        table.write("new", path)
