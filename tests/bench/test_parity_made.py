"""Which checks the gate makes: bits are owed by one build of one library alone, weights by files that were made from a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench import fakes
from tests.bench.fleets import gate
from tests.bench.test_parity_check import IMAGES, rows


@pytest.mark.parametrize(("commit", "demanded"), [(fakes.COMMIT, True), ("0123456789", False)])
def test_bits_are_owed_by_one_build_of_one_library_alone(tmp_path, monkeypatch, commit, demanded):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=commit, noise="3e-7"))
    for (runtime, variant), row in rows(
        gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-static", "raw-dynamic")))
    ).items():
        if runtime == "ort-rust" and "dynamic" in variant:
            assert row.bits_equal_to["ort-python"] < IMAGES
            assert row.passed is not demanded
            assert ("bits" in row.made) is demanded


def test_weights_are_not_said_to_be_checked_where_there_is_no_checkpoint(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    checked = gate(tmp_path, replace(subject, export=replace(subject.export, checkpoint_sha256="")))
    assert {"weights" in row.made for row in checked.rows} == {False}
