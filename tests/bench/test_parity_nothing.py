"""What the gate must not pass over: a variant that is not there, a reference that says nothing, or that is another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.runner import RunnerError
from contract.errors import UsageError
from tests.bench import fakes
from tests.bench.fleets import gate


def test_a_chosen_variant_that_was_not_exported_is_not_passed_over(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    export = replace(subject.export, variants=tuple(each for each in subject.export.variants if each.name != "sim-static"))
    checked = gate(tmp_path, replace(subject, export=export), fakes.matrix(variants=("raw-static", "sim-static")))
    found = {(row.runtime, row.variant): row for row in checked.rows}
    assert [(key, row.judged, row.passed) for key, row in found.items()] == [
        ((runtime, variant), judged, judged)
        for runtime in fakes.RUNTIMES[1:]
        for variant, judged in (("raw-static", True), ("sim-static", False))
    ]
    assert found["ort-rust", "sim-static"].problems == (
        "sim-static: was not exported\n  next: nox -s export, with the same options after --",
    )


def test_a_reference_whose_own_noise_is_larger_than_its_margins_judges_nothing(tmp_path, monkeypatch):
    """Dropout left on, say: a tolerance made of that would let any label pass."""
    fakes.use(monkeypatch, torch_eager=fakes.descriptor("torch-eager", noise=1.0))
    with pytest.raises(UsageError, match=r"the reference's own answers move by .*, so most of its labels could be any other"):
        gate(tmp_path, fakes.subject(tmp_path))


def test_a_runtime_that_loads_another_reference_judges_nothing(tmp_path, monkeypatch):
    fakes.use(monkeypatch, torch_eager=fakes.descriptor("torch-eager", sha256="ab" * 32))
    with pytest.raises(RunnerError, match="torch-eager: loaded another reference: sha256 abababababab…"):
        gate(tmp_path, fakes.subject(tmp_path))
