"""Diagnosis: known faults are named, alone and with noise beside them, and what is unknown is called so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.faults import every  # noqa: F401  (registers the faults)
from bench.faults.catalogue import FAULTS, Picture
from bench.ledger.case import Case
from bench.ledger.diagnosis import FITTED_COSTS, Diagnosis
from bench.ledger.found import Cause
from bench.ledger.stages import TENSORS
from tests.bench.ledger import pictures
from tests.bench.ledger.mutants import MUTANTS
from tests.bench.ledger.pictures import SPEC

BEFORE = dict(zip(TENSORS[1:], TENSORS, strict=False)) | {"decode": "decode"}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return [(path, pictures.reference(path)) for path in pictures.files(tmp_path_factory.mktemp("pictures"))]


def diagnose(cases: list[tuple[Path, dict[str, np.ndarray]]], name: str, *, noisy: bool = False) -> tuple[Cause, ...]:
    stage, change, _ = MUTANTS[name]
    found = Diagnosis()
    for path, reference in cases:
        given = reference[BEFORE[stage]]
        made = change(pictures.worn(given) if noisy else given)
        found.add(Case(stage, path, SPEC, reference, np.ascontiguousarray(made), None))
    return found.causes()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_named_first(cases, name):
    causes = diagnose(cases, name)
    assert (causes[0].name, causes[0].images) == (MUTANTS[name][2], len(cases)), causes
    assert causes[0].explained > 0.75
    assert all(causes[0].explained >= cause.explained - 3 * FITTED_COSTS for cause in causes)


def test_nine_of_ten_are_named_first_beside_the_noise_of_another_jpeg(cases):
    """What is missed is smaller than that noise: half precision, and 1/256 for 1/255."""
    first = {name: diagnose(cases[:2], name, noisy=True)[0].name for name in MUTANTS}
    wrong = {name: said for name, said in first.items() if said != MUTANTS[name][2]}
    assert len(wrong) <= 0.1 * len(MUTANTS), wrong


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.seam == "image" and fault.stage in TENSORS])
def test_the_faults_that_the_gate_is_tried_with_are_explained(cases, name):
    """Written by other hands; at every dose, image by image (a crop that is off by 8 is off by less where there is no room)."""
    fault = FAULTS[name]
    for dose in fault.doses:
        for path, reference in cases[:2]:
            made = np.ascontiguousarray(fault.apply(Picture(reference, SPEC, str(path)), dose))
            if not np.array_equal(made, reference[fault.stage]):
                found = Diagnosis()
                found.add(Case(fault.stage, path, SPEC, reference, made, None))
                assert found.causes()[0].explained > 0.9, (dose, found.causes())
