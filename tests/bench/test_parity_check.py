"""The whole gate over fake runners: what is right passes, what is wrong fails and is named."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.parity import ask, reference
from bench.parity.check import Checked
from bench.results import Check, ParityRow
from bench.runner import RunnerError
from contract.errors import DataError, UsageError
from contract.manifest import FailedVariant
from contract.matrix import Parity
from tests.bench import fakes
from tests.bench.fleets import gate
from tests.fake_runner import SIDE

IMAGES = 24


def rows(checked: Checked) -> dict[tuple[str, str], ParityRow]:
    return {(row.runtime, row.variant): row for row in checked.rows}


def failed(checked: Checked) -> dict[tuple[str, str], tuple[str, ...]]:
    return {key: row.problems for key, row in rows(checked).items() if not row.passed}


def test_a_clean_run_passes(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    checked = gate(tmp_path, fakes.subject(tmp_path))
    assert failed(checked) == {}
    assert list(rows(checked)) == [(runtime, variant) for runtime in fakes.RUNTIMES[1:] for variant in fakes.VARIANTS]
    for (runtime, variant), row in rows(checked).items():
        assert (row.images, row.tensors_equal, row.flips, row.near_tie_flips, row.judged) == (IMAGES, IMAGES, 0, 0, True)
        assert row.certified + row.agree == IMAGES
        assert set(row.batches) == (set() if "static" in variant else {"1", "2", "3", "7", "8"})
        assert (row.drop.lost, row.drop.gained, row.drop.drop) == (0, 0, 0.0)
        assert row.claim is None
        assert set(row.made) == set(get_args(Check)) - ({"bits"} if runtime == "ort-python" else set())
        assert row.bits_equal_to == ({"ort-python": IMAGES} if runtime == "ort-rust" else {})
        assert row.max_difference <= row.tolerance
        assert row.accuracy == row.reference_accuracy
        assert row.bound == pytest.approx(1 - 0.05 ** (1 / IMAGES))
    floor = checked.reference.floor
    assert floor.tolerance == 10 * max(floor.over_batches, floor.against_float64)
    assert 0 < floor.against_float64 < 1e-5
    assert floor.images == reference.FLOOR_IMAGES


@pytest.mark.parametrize("chunk", [8, 5, 1])
def test_images_are_asked_some_at_a_time(tmp_path, monkeypatch, chunk):
    """What is asked in parts is what is asked at once: batches are not cut, and parts stay in order."""
    monkeypatch.setattr(ask, "CHUNK", chunk)
    monkeypatch.setattr(ask, "TENSORS", chunk)
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", shift=1, commit=fakes.COMMIT))
    checked = gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-dynamic",)))
    assert {key for key, _ in failed(checked)} == {"ort-rust"}
    row = rows(checked)["ort-rust", "raw-dynamic"]
    assert (row.images, row.tensors_equal, row.checks) == (IMAGES, 0, ("tensors",))
    assert row.bits_equal_to == {"ort-python": IMAGES}


def test_wrong_weights_in_one_variant_are_named(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path, change=lambda name, matrix: matrix * 1.001 if name == "sim-dynamic" else matrix)
    checked = gate(tmp_path, subject, fakes.matrix(variants=("raw-dynamic", "sim-dynamic")))
    found = failed(checked)
    assert set(found) == {("ort-python", "sim-dynamic"), ("ort-rust", "sim-dynamic")}
    for problems in found.values():
        assert problems == (f"on the same tensor the logits of {IMAGES} of {IMAGES} images differ by more than the tolerance",)
    blame = rows(checked)["ort-rust", "sim-dynamic"].blame
    assert blame.stage == "logits"
    assert blame.said.endswith("Inside the model: not looked for, a fake file holds no graph")


@pytest.mark.parametrize(("environment", "check", "said", "stage"), [
    ({"index": 1}, "top-1", "the runtime's own top-1 is not the index of the largest logit", "top-1"),
    ({"name_of": 1}, "classes", "the runtime calls '", "label"),
])  # fmt: skip
def test_an_index_and_a_name_that_only_the_runtime_says_are_judged(tmp_path, monkeypatch, environment, check, said, stage):
    """Logits and class names in the file are right: the gate's own look-up would say that all is well."""
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, **environment))
    checked = gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-static", "raw-dynamic")))
    bad = {key: row for key, row in rows(checked).items() if not row.passed}
    assert list(bad) == [("ort-rust", variant) for variant in ("raw-static", "raw-dynamic")]
    for row in bad.values():
        assert (row.checks, row.blame.stage, row.judged) == ((check,), stage, True)
        assert all(said in problem for problem in row.problems)


def test_a_runtime_without_stages_gives_no_names_that_could_be_wrong(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit=fakes.COMMIT, lacks="stages"))
    assert failed(gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-dynamic",)))) == {}


def test_a_variant_that_could_not_be_exported_is_not_judged(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    made = fakes.subject(tmp_path)
    kept = tuple(variant for variant in made.export.variants if variant.name != "sim-dynamic")
    lost = (FailedVariant("sim-dynamic", "simplify crashed (SIGSEGV)"),)
    checked = gate(tmp_path, replace(made, export=replace(made.export, variants=kept, failed=lost)))
    row = rows(checked)["ort-rust", "sim-dynamic"]
    assert (row.judged, row.passed, row.images) == (False, False, 0)
    assert "simplify crashed (SIGSEGV)" in row.problems[0]
    assert rows(checked)["ort-rust", "raw-dynamic"].passed


def test_flips_are_counted_and_shown(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path, change=lambda name, matrix: -matrix if name == "raw-static" else matrix)
    checked = gate(tmp_path, subject, fakes.matrix(variants=("raw-static", "raw-dynamic")))
    assert set(failed(checked)) == {("ort-python", "raw-static"), ("ort-rust", "raw-static")}
    row = rows(checked)["ort-rust", "raw-static"]
    assert row.flips > IMAGES / 2
    assert row.problems[0] == f"{row.flips} of {IMAGES} images get another label"
    assert len(row.shown) == 8
    assert {image.verdict for image in row.shown} == {"flip"}
    assert row.reproduce == (
        "nox -s parity -- --dataset wings --backbone resnet18 --variant raw-static --runtime torch-eager ort-rust --device cpu --images 24"
    )


@pytest.mark.parametrize("name", fakes.RUNTIMES[1:])
def test_other_preprocessing_is_told_from_another_model(tmp_path, monkeypatch, name):
    """Columns of the fake weights sum to 0, so that pixels shifted alike leave the labels as they are."""
    fakes.use(monkeypatch, **{name: fakes.descriptor(name, shift=1)})
    checked = gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-static", "raw-dynamic")))
    found = failed(checked)
    assert set(found) == {(name, variant) for variant in ("raw-static", "raw-dynamic")}  # the other runtime is innocent
    assert set(found.values()) == {(f"preprocessing differs: the tensors of {IMAGES} of {IMAGES} images are not the reference's",)}
    row = rows(checked)[name, "raw-dynamic"]
    assert row.tensors_equal == row.flips == 0
    assert row.max_difference_same_tensor <= row.tolerance
    assert rows(checked)["ort-rust", "raw-dynamic"].bits_equal_to == {"ort-python": IMAGES}  # on the same tensor


def test_a_file_with_another_spec_than_the_first_is_found(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_python=fakes.descriptor("ort-python", shift=1, shifted="sim-dynamic", commit=fakes.COMMIT))
    checked = gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-dynamic", "sim-dynamic")))
    assert set(failed(checked)) == {("ort-python", "sim-dynamic")}
    assert {row.variant: row.tensors_equal for row in checked.rows if row.runtime == "ort-python"} == {
        "raw-dynamic": IMAGES, "sim-dynamic": 0,
    }  # fmt: skip


def test_answers_that_move_with_the_batch(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", noise=0.001, commit=fakes.COMMIT))
    found = failed(gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-static", "raw-dynamic"))))
    assert set(found) == {("ort-rust", "raw-dynamic")}
    problems = found["ort-rust", "raw-dynamic"]
    # Against batch 8; 14 images end with a batch of 2 where 3 are asked for, and with one of 6 where 8 are: other images move.
    assert [text for text in problems if text.startswith("at batch ")] == [
        "at batch 1 the answers move by 0.007", "at batch 2 the answers move by 0.006", "at batch 3 the answers move by 0.006",
        "at batch 7 the answers move by 0.001", "at batch 8 the answers move by 0.002",
    ]  # fmt: skip
    assert f"on the same tensor the logits of {IMAGES} of {IMAGES} images are not bit-equal to ort-python" in problems


def test_permuted_class_names(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    subject = replace(subject, train=replace(subject.train, classes=fakes.CLASSES[::-1]))
    checked = gate(tmp_path, subject, fakes.matrix(variants=("raw-dynamic",)))
    for problems in failed(checked).values():
        assert problems[0] == "the class names in the file are not the checkpoint's, or in another order"
        assert "images get another label" in problems[1]
    assert len(failed(checked)) == 2


def test_a_crash_leaves_one_row_unjudged(tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "crash", verb="load", when="sim-static"))
    checked = gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("sim-static", "sim-dynamic")))
    assert set(failed(checked)) == {("ort-rust", "sim-static")}
    row = rows(checked)["ort-rust", "sim-static"]
    assert (row.judged, row.images, row.bound) == (False, 0, 1.0)
    assert "ort-rust: load: died (signal SIGSEGV)" in row.problems[0]
    assert rows(checked)["ort-rust", "sim-dynamic"].passed


@pytest.mark.parametrize("fault", ["crash", "no-file"])
def test_a_runtime_that_cannot_do_anything_leaves_the_others(tmp_path, monkeypatch, fault):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", fault))
    checked = gate(tmp_path, fakes.subject(tmp_path), fakes.matrix(variants=("raw-dynamic",)))
    assert {runtime for runtime, _ in failed(checked)} == {"ort-rust"}
    assert not any(row.judged for row in checked.rows if row.runtime == "ort-rust")


def test_a_runtime_that_hangs_is_given_up_for_the_subject(tmp_path, monkeypatch):
    monkeypatch.setattr(ask, "SECONDS_AT_LEAST", 2.0)
    monkeypatch.setattr(ask, "SECONDS_PER_IMAGE", 0.1)
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "hang", verb="predict"))
    checked = gate(tmp_path, fakes.subject(tmp_path))
    assert {runtime for runtime, _ in failed(checked)} == {"ort-rust"}
    for problems in failed(checked).values():
        # Only the probe waited: eight more questions would have waited as long.
        assert "is not asked again: ort-rust: predict: no answer within 2 s" in problems[0]
    assert not any(row.judged for row in checked.rows if row.runtime == "ort-rust")


def test_a_model_with_nan_is_not_judged(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path, change=lambda name, matrix: matrix * np.nan if name == "raw-static" else matrix)
    found = failed(gate(tmp_path, subject, fakes.matrix(variants=("raw-static", "raw-dynamic"))))
    assert set(found) == {("ort-python", "raw-static"), ("ort-rust", "raw-static")}
    assert found["ort-rust", "raw-static"][0].startswith(f"nothing to compare: {IMAGES} images have logits that are not finite")


def test_a_reference_that_crashes_ends_it(tmp_path, monkeypatch):
    fakes.use(monkeypatch, torch_eager=fakes.descriptor("torch-eager", "crash"))
    with pytest.raises(RunnerError, match="torch-eager: predict: died"):
        gate(tmp_path, fakes.subject(tmp_path))


def test_one_label_everywhere_is_nothing_to_compare(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    fakes.save_model(subject.folder / "weights.npy", np.abs(fakes.weights()) * [1, 0, 0])
    with pytest.raises(UsageError, match="gives all 24 images one label, 'RED ADMIRAL'"):
        gate(tmp_path, subject)


def test_a_noise_floor_of_zero_is_exit_2(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    fakes.save_model(subject.folder / "weights.npy", np.eye(3 * SIDE * SIDE)[:, :3])  # sums of one pixel and zeros are exact
    with pytest.raises(UsageError, match="the noise floor is zero") as caught:
        gate(tmp_path, subject)
    assert caught.value.exit_code == 2


def test_a_reference_with_nan_is_said_to_have_it(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    fakes.save_model(subject.folder / "weights.npy", fakes.weights() * np.nan)
    with pytest.raises(UsageError, match="the reference's logits are not finite"):
        gate(tmp_path, subject)


def test_nothing_to_compare_with(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    empty = replace(subject, export=replace(subject.export, variants=()))
    with pytest.raises(UsageError, match="nothing to compare"):
        gate(tmp_path, empty)


def test_the_budget_picks_the_number_of_images(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    cases = {
        Parity(300, None): IMAGES, Parity(9, None): 9, Parity(300, 1e9): IMAGES,
        Parity(300, 1e9, budgets={"resnet18": 1e-9}): 8, Parity(300, 1e-9, budgets={"resnet18": 1e9}): IMAGES,
        Parity(300, None, budgets={"resnet18": 1e-9}): IMAGES, Parity(10, 1e9): 10, Parity(300, 1e-9): 8,
        Parity(300, 1e-9, least_images=11): 11, Parity(3, 1e-9): 3,
    }  # fmt: skip
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet:
        for parity, count in cases.items():
            matrix = replace(fakes.matrix(), parity=parity)
            found = reference.affordable_images(subject, fleet, matrix, "cpu", tmp_path)
            assert (found.images, found.seconds > 0) == (count, True)


def test_copies_of_an_image_support_no_claim(tmp_path, monkeypatch):
    """Each file is answered as its copy is: 24 images and their copies are 24 images."""
    fakes.use(monkeypatch)
    subject = fakes.subject(tmp_path)
    entries = subject.train.split["test"]
    copies = []
    for entry in entries:
        copy = subject.path(entry).with_name(f"copy of {entry.path}")
        copy.write_bytes(subject.path(entry).read_bytes())
        copies.append(replace(entry, path=copy.name))
    doubled = replace(subject, train=replace(subject.train, split={"test": (*entries, *copies)}))
    assert len({entry.sha256 for entry in doubled.held_out(99, 0)}) == len(doubled.held_out(99, 0)) == IMAGES
    checked = gate(tmp_path, doubled, fakes.matrix(variants=("raw-static",)))
    assert {row.images for row in checked.rows} == {IMAGES}


def test_held_out_images_are_seeded_and_verified(tmp_path):
    subject = fakes.subject(tmp_path)
    assert subject.held_out(9, 0) == subject.held_out(12, 0)[:9]
    assert subject.held_out(9, 0) != subject.held_out(9, 1)
    assert len({entry.path for entry in subject.held_out(99, 0)}) == IMAGES
    victim = subject.path(subject.held_out(3, 0)[2])
    victim.write_bytes(b"another image")
    assert len(subject.held_out(2, 0)) == 2
    with pytest.raises(DataError, match="not the image that the split was made of") as caught:
        subject.held_out(3, 0)
    assert caught.value.where == str(victim)
