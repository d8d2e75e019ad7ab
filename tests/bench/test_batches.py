"""Other batches: what is asked together must not matter, a dynamic file takes any batch, a static one refuses all but 1."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.parity import batches
from contract.matrix import Scenario
from tests.bench import fakes
from tests.bench.fleets import gate


def problems(checked, runtime: str = "ort-rust") -> dict[str, tuple[str, ...]]:
    return {row.variant: row.problems for row in checked.rows if row.runtime == runtime}


def test_the_largest_measured_batch_is_asked_too():
    made = fakes.matrix()
    assert batches.sizes(made) == (1, 2, 3, 7, 8)
    scenarios = (*made.scenario[:1], Scenario("throughput", "throughput", 32), *made.scenario[2:])
    larger = replace(made, scenario=scenarios)
    assert batches.sizes(larger) == (1, 2, 3, 7, 8, 32)
    several = replace(made, scenario=(*made.scenario[:1], Scenario("throughput", "throughput", (64, 4)), *made.scenario[2:]))
    assert batches.sizes(several) == (1, 2, 3, 7, 8, 64)


def test_where_images_cost_much_one_batch_of_each_size_is_asked():
    made = fakes.matrix()
    assert batches.asked(made, 14, slow=False) == {1: 14, 2: 14, 3: 14, 7: 14, 8: 14}
    assert batches.asked(made, 8, slow=True) == {1: 1, 2: 2, 3: 3, 7: 7, 8: 8}
    larger = replace(made, scenario=(*made.scenario[:1], Scenario("throughput", "throughput", 32), *made.scenario[2:]))
    assert batches.asked(larger, 14, slow=False)[32] == batches.asked(larger, 8, slow=True)[32] == 32


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ("not one", "a dynamic file fails at batch 1: Got: 1"),
        ("squeezed", "a dynamic file fails at batch 1: the model's 'logits' is"),
        ("nan", "at batch 1 the answers are not finite"),
    ],
)
def test_a_dynamic_file_that_fails_at_another_batch_is_judged_and_bad(tmp_path, monkeypatch, batch, said):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, batch=batch))
    checked = gate(tmp_path, fakes.subject(tmp_path))
    (problem,) = problems(checked)["raw-dynamic"]
    assert said in problem
    row = next(row for row in checked.rows if (row.runtime, row.variant) == ("ort-rust", "raw-dynamic"))
    assert (row.judged, row.passed, row.flips, row.checks) == (True, False, 0, ("batches",))
    assert sorted(row.batches) == ["2", "3", "7", "8"]


def test_a_file_that_breaks_only_at_the_largest_batch_is_found(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, batch="to 31"))
    made = fakes.matrix()
    largest = replace(made, scenario=(*made.scenario[:1], Scenario("throughput", "throughput", 32), *made.scenario[2:]))
    assert problems(gate(tmp_path, fakes.subject(tmp_path), largest))["raw-dynamic"] == ("a dynamic file fails at batch 32: Got: 32",)


def test_answers_that_depend_on_what_is_asked_together(tmp_path, monkeypatch):
    """As in training mode: at batch 1 nothing shows, and in the file's own order the first image may be harmless."""
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, mix=1))
    found = problems(gate(tmp_path, fakes.subject(tmp_path)))
    for variant in ("raw-dynamic", "sim-dynamic"):
        assert any(text.startswith("at batch 8 the answers move by") for text in found[variant])
    assert not any("at batch" in text for text in found["raw-static"])


def test_a_dynamic_file_that_takes_one_image_only_is_judged_and_bad(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, batch="one"))
    checked = gate(tmp_path, fakes.subject(tmp_path))
    assert problems(checked)["raw-dynamic"] == ("a dynamic file fails at batch 8, and not at batch 1: Got: 8 Expected: 1",)
    row = next(row for row in checked.rows if (row.runtime, row.variant) == ("ort-rust", "raw-dynamic"))
    assert (row.judged, row.passed, row.flips) == (True, False, 0)
    assert problems(checked)["raw-static"] == ()


def test_a_static_file_that_answers_two_is_bad(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, batch="any"))
    found = problems(gate(tmp_path, fakes.subject(tmp_path)))
    assert found["raw-static"] == found["sim-static"] == ("a static file answers a batch of 2: it is not what its name says",)
    assert found["raw-dynamic"] == ()


@pytest.mark.parametrize("variant", ["raw-static", "sim-dynamic"])
def test_a_file_that_is_not_the_manifests_is_named(tmp_path, monkeypatch, variant):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    fakes.save_model(subject.model(variant), fakes.weights() * 1.0000001)  # after the manifest was read and verified
    found = problems(gate(tmp_path, subject))
    assert [name for name, said in found.items() if said] == [variant]
    assert "the runtime loaded another file: sha256" in found[variant][0]
