"""The files that a run keeps, and what a later run finds of them."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.gate import keep
from bench.gate.keep import FOLDER, INDEX, KeptFile
from bench.gate.old import OldRun, must_have_twins, open_run, twin, with_old
from bench.results import OldFile
from contract import artifact
from contract.errors import DataError, UsageError
from contract.matrix import Scenario
from tests.bench import fakes

FLAGS = ("avx2", "fma")
LATENCY = Scenario("latency", "latency")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run's folder that keeps the files of one subject."""
    folder = tmp_path / "reports" / "then"
    keep.keep(keep.of_subjects([fakes.subject(tmp_path / "a")]), FLAGS, folder)
    return folder


def opened(folder: Path) -> OldRun:
    return open_run(str(folder), folder.parent)


def test_a_file_is_kept_as_it_was(stored: Path, tmp_path: Path) -> None:
    original = fakes_file(tmp_path)
    before = original.read_bytes()
    kept = opened(stored).model(fakes.cell("raw-dynamic"))
    assert kept is not None
    assert kept.stat().st_ino == original.stat().st_ino  # a hard link: no space until the original is made anew
    artifact.write_bytes(original, b"another model")
    assert kept.read_bytes() == before
    assert artifact.sha256_file(kept) == artifact.sha256_bytes(before)


def fakes_file(tmp_path: Path) -> Path:
    return next((tmp_path / "a").rglob("raw-static.onnx"))  # the first of four files with the same bytes


def test_equal_files_are_kept_once(stored: Path) -> None:
    # The four fake files hold the same bytes.
    assert len([path for path in (stored / FOLDER).iterdir() if path.suffix == ".onnx"]) == 1
    assert len(opened(stored).files) == len(fakes.VARIANTS)


def test_where_there_are_no_hard_links_a_copy_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    subject = fakes.subject(tmp_path / "a")
    keep.keep(keep.of_subjects([subject]), FLAGS, tmp_path / "then")
    kept = opened(tmp_path / "then").model(fakes.cell("raw-dynamic"))
    assert kept is not None
    assert kept.stat().st_ino != subject.model("raw-dynamic").stat().st_ino
    assert kept.read_bytes() == subject.model("raw-dynamic").read_bytes()


def test_a_run_is_found_by_its_name_or_its_folder(stored: Path) -> None:
    assert open_run("then", stored.parent) == opened(stored)
    assert opened(stored).run == "then"
    assert opened(stored).cpu_flags == FLAGS


def test_no_such_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run: 'nowhere'"):
        open_run("nowhere", tmp_path)


def test_a_run_without_files_is_never_compared(tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "results.json").write_text('{"cells": [{"middle_ns": 4000000}]}')
    with pytest.raises(UsageError, match="a time that it stored is never compared") as fault:
        open_run("numbers", tmp_path)
    assert fault.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "models.json"), ('{"format": 2}', "written in format 2, this version reads 1"), ("[]", "models.json"), ('{"format": 1}', "run")],
)
def test_a_damaged_index(stored: Path, text: str, said: str) -> None:
    (stored / FOLDER / INDEX).write_text(text)
    with pytest.raises(DataError, match=said):
        opened(stored)


def test_a_file_that_was_changed_since_is_refused(stored: Path) -> None:
    old = opened(stored)
    (path,) = (stored / FOLDER).glob("*.onnx")
    path.unlink()
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match="corrupt"):
        old.model(fakes.cell("raw-dynamic"))
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        old.model(fakes.cell("raw-dynamic"))


def test_a_file_is_hashed_once(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    monkeypatch.setattr(artifact, "verify", lambda _folder, files, _remedy: hashed.append(*files))
    old = opened(stored)
    paths = {old.model(fakes.cell(variant, runtime)) for variant in fakes.VARIANTS for runtime in fakes.RUNTIMES[1:]}
    assert len(paths) == len(hashed) == 1


def test_twins_stand_behind_their_cells(stored: Path, tmp_path: Path) -> None:
    model = tmp_path / "new.onnx"
    cells = [(fakes.cell("eager", "torch-eager"), model), (fakes.cell("raw-dynamic", "ort-rust"), model), (fakes.cell("mine"), model)]
    old = opened(stored)
    ((_, found),) = with_old([(LATENCY, cells)], old)
    assert [(cell.variant, cell.runtime) for cell, _ in found] == [
        ("eager", "torch-eager"), ("raw-dynamic", "ort-rust"), ("raw-dynamic old", "ort-rust"), ("mine", "ort-python"),
    ]  # fmt: skip
    assert [path for _, path in found[:2]] == [model, model]
    assert found[2][1] == old.model(fakes.cell("raw-dynamic"))
    assert with_old([(LATENCY, cells)], None) == [(LATENCY, cells)]
    assert twin(fakes.cell("raw-dynamic", backbone="another"), old) == []


def test_a_gate_over_nothing_is_refused(stored: Path) -> None:
    old, model = opened(stored), Path("m.onnx")
    gated = with_old([(LATENCY, [(fakes.cell(), model)])], old)
    must_have_twins(old, [[], gated])
    must_have_twins(None, [])
    for sites in ([], [[(LATENCY, [(fakes.cell("eager", "torch-eager"), model)])]]):
        with pytest.raises(UsageError, match="none of the chosen cells is measured with a file of then"):
            must_have_twins(old, sites)


def test_what_is_known_of_both(stored: Path) -> None:
    old = opened(stored)
    dynamic, static = (old.files["wings", "resnet18", name] for name in ("raw-dynamic", "raw-static"))
    other_graph, other_name = replace(static, program="another"), replace(static, variant="mine")
    gate = old.against([replace(dynamic, sha256="99" * 32), other_graph, other_name], 0.03, ("avx512f",))
    assert gate.files == (
        OldFile("wings", "resnet18", "raw-dynamic", "99" * 32, dynamic.sha256, same_program=True),
        OldFile("wings", "resnet18", "raw-static", static.sha256, static.sha256, same_program=False),
    )
    assert (gate.old, gate.threshold, gate.same_cpu, gate.rows) == ("then", 0.03, False, ())
    assert old.against([dynamic], 0.03, FLAGS).same_cpu


def test_nothing_in_common(stored: Path) -> None:
    stranger = KeptFile("wings", "regnet_x_400mf", "raw-dynamic", "00" * 32, "p")
    with pytest.raises(UsageError, match="kept no file of the chosen names; it has wings/resnet18/raw-static, "):
        opened(stored).against([stranger], 0.05, FLAGS)
