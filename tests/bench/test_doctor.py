"""The examination of a machine, with fake runners: rows, marks and the exit code."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib import metadata

import pytest

from bench import doctor
from contract import options as shared
from contract.errors import ENVIRONMENT, GOOD
from tests.bench import fakes


@pytest.fixture
def options(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(doctor.environment, "packages", lambda: {"torch": "2.15.0", "onnxruntime-gpu": "1.31.1"})
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/bin/{name}")
    monkeypatch.setattr(doctor, "_version", lambda program: f"{program} 1.95")
    made, _ = shared.parse(shared.parser("doctor", ""), [f"--{name}={tmp_path / name}" for name in ("artifacts", "reports")])
    return made


def rows_of(printed: str) -> dict[str, str]:
    """First cell -> the rest of each printed row."""
    cells = [[cell.strip() for cell in line.strip("│┃| ").split("│")] for line in printed.splitlines() if "│" in line]
    return {row[0]: " | ".join(row[1:]) for row in cells if row[0]}


def test_a_machine_that_has_everything_is_good(options, capsys):
    assert doctor.examine(options) == GOOD
    rows = rows_of(capsys.readouterr().out)
    assert rows["cargo"].startswith("ok | cargo 1.95")
    assert rows["torch"].startswith("ok | 2.15.0")
    assert rows["ort-rust"].startswith(f"ok | 1.0 {fakes.COMMIT}")
    assert rows["the same ONNX Runtime"].startswith("ok | yes, by version and commit")
    assert not any(row.startswith(("MISSING", "note")) for row in rows.values())


def test_no_cargo_is_missing_and_no_nasm_is_a_note(options, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name in ("cargo", "nasm") else f"/bin/{name}")
    assert doctor.examine(options) == ENVIRONMENT
    rows = rows_of(capsys.readouterr().out)
    assert rows["cargo"].startswith("MISSING | not on PATH | install Rust")
    assert rows["nasm"].startswith("note | not found")
    assert rows["nasm"].endswith("apt-get install nasm")


def test_two_onnxruntime_packages_are_named(options, monkeypatch):
    monkeypatch.setattr(doctor.environment, "packages", lambda: {"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"})
    bad = [row for row in doctor.packages() if row.good is False]
    assert [row.what for row in bad] == ["one ONNX Runtime"]
    assert "delete .venv" in bad[0].cure


def test_torch_not_installed_is_missing(options, monkeypatch):
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", absent)
    assert [(row.what, row.good) for row in doctor.packages()][-1] == ("torch", False)


def test_a_full_disk_is_named_with_the_option_that_moves_the_folder(options, monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    rows = doctor.disk(options)
    assert [(row.good, row.found, row.cure) for row in rows] == [
        (False, "1 GB free", f"--{name} DIR on another disk") for name in ("artifacts", "reports")
    ]


def test_a_runner_that_does_not_start_is_missing_with_its_own_next_step(options, monkeypatch, capsys):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "stale"))
    assert doctor.examine(options) == ENVIRONMENT
    rows = rows_of(capsys.readouterr().out)
    assert rows["ort-rust"].startswith("MISSING | ")
    assert rows["the same ONNX Runtime"].startswith("note | not both runners start")


def test_another_build_of_the_library_is_no_same_one(options, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", commit="0123456789"))
    receipts: dict = {}
    for name in fakes.RUNTIMES:
        assert doctor.runner(name, receipts).good
    assert doctor.one_library(receipts).good is False


def test_the_rows_as_data(options, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name in ("cargo", "nasm") else f"/bin/{name}")
    assert doctor.examine(replace(options, output_json=True)) == ENVIRONMENT
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == ENVIRONMENT
    rows = {row["what"]: row for row in told["rows"]}
    assert (rows["cargo"]["good"], rows["nasm"]["good"], rows["torch"]["good"]) == (False, None, True)
    assert rows["nasm"]["cure"] == "apt-get install nasm"
    assert all(set(row) == {"what", "good", "found", "cure"} for row in told["rows"])
