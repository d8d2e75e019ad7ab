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


@pytest.mark.parametrize("exported_here", [False, True])
def test_other_peoples_files_are_asked_for_every_tensor(tmp_path, monkeypatch, exported_here):
    """Their specs may differ on one image alone; files of one export have one spec, which the first images confirm."""
    subject = fakes.subject(tmp_path)
    if not exported_here:
        subject = replace(subject, export=replace(subject.export, checkpoint_sha256=""))
    last = subject.path(subject.held_out(IMAGES, 0)[-1]).name
    shifted = fakes.descriptor("ort-python", shift=1, shifted="sim-dynamic", only=last, commit=fakes.COMMIT)
    fakes.use(monkeypatch, ort_python=shifted)
    checked = gate(tmp_path, subject, fakes.matrix(variants=("raw-dynamic", "sim-dynamic")))
    assert rows(checked)["ort-python", "raw-dynamic"].tensors_equal == IMAGES
    assert rows(checked)["ort-python", "sim-dynamic"].tensors_equal == (IMAGES if exported_here else IMAGES - 1)
