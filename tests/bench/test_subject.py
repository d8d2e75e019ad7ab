"""Artifacts that a run may not use: each error names the file and the command that makes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.subject import only_subject, open_subject
from contract import manifest
from contract import options as shared
from contract.errors import DataError, UsageError
from tests.bench import fakes


@pytest.fixture
def made(tmp_path):
    """A function that opens the subject that was asked for, and the subject."""
    subject = fakes.subject(tmp_path)
    options, _ = shared.parse(shared.parser("bench", ""), [f"--artifacts={tmp_path / 'artifacts'}"])
    asked = shared.asked(options, fakes.matrix(), "wings", "resnet18")
    asked.point_to(options.artifacts, subject.folder.name)
    return lambda: open_subject(asked, options.artifacts), subject


def test_what_was_made_is_opened(made):
    opening, subject = made
    assert opening() == subject


def test_the_report_says_what_is_compared_with(made, tmp_path):
    _, subject = made
    assert subject.summary().reference == "PyTorch eager"
    assert replace(subject, reference=tmp_path / "other.onnx").summary().reference == "the ONNX file other.onnx"


def test_nothing_trained_says_which_command_trains(made):
    opening, subject = made
    for pointer in (subject.folder.parent / "asked").iterdir():
        pointer.unlink()
    with pytest.raises((DataError, UsageError), match="resnet18 has not been trained on wings with these options") as caught:
        opening()
    assert "nox -s train" in str(caught.value.next)


@pytest.mark.parametrize("victim", ["raw-dynamic.onnx", manifest.CHECKPOINT])
def test_a_damaged_file_is_named(made, victim):
    opening, subject = made
    (subject.folder / victim).write_bytes(b"rubbish")
    with pytest.raises(DataError) as caught:
        opening()
    assert victim in str(caught.value)
    assert "nox -s" in str(caught.value.next)


def test_a_missing_export_says_which_command_exports(made):
    opening, subject = made
    (subject.folder / manifest.EXPORT).unlink()
    with pytest.raises(DataError) as caught:
        opening()
    assert "nox -s export" in str(caught.value.next)


def test_onnx_files_of_another_checkpoint_are_refused(made):
    opening, subject = made
    manifest.write(replace(subject.export, checkpoint_sha256="0" * 64), subject.folder / manifest.EXPORT)
    with pytest.raises(DataError, match="the ONNX files come from another checkpoint than the one beside them") as caught:
        opening()
    assert "nox -s export" in str(caught.value.next)


@pytest.mark.parametrize(
    ("chosen", "count", "step"),
    [
        ("--backbone resnet18 regnet_x_400mf", 2, "add --backbone NAME"),
        ("--quick --dataset wings rps", 2, "add --dataset NAME"),
        ("--dataset wings rps", 2, "add --dataset NAME"),
        ("--dataset wings rps --backbone resnet18 regnet_x_400mf", 4, "add --dataset NAME --backbone NAME"),
        ("-k regnet", 2, "add --backbone NAME"),
    ],
)
def test_one_of_several_subjects_is_chosen_by_the_user(chosen, count, step):
    options, _ = shared.parse(shared.parser("bench", ""), chosen.split())
    with pytest.raises(UsageError, match=f"one will do, and {count} are chosen") as caught:
        only_subject(options, shared.select(options), "one will do")
    assert caught.value.next == step


@pytest.mark.parametrize(("chosen", "backbone"), [("", "resnet18"), ("--quick", "resnet18"), ("-k x_400mf", "regnet_x_400mf")])
def test_who_names_no_backbone_gets_that_of_quick_where_it_is_chosen(tmp_path, chosen, backbone):
    options, _ = shared.parse(shared.parser("bench", ""), [*chosen.split(), "--artifacts", str(tmp_path)])
    with pytest.raises(DataError) as caught:  # nothing is trained: the error says what was looked for
        only_subject(options, shared.select(options), "one will do")
    assert backbone in str(caught.value.where)
