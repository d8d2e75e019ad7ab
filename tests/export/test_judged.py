"""What the step's exit code and stderr say when variants fail, and the disk that it asks for beforehand."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from contract import manifest
from contract.errors import BAD, GOOD, EnvironmentFault
from contract.manifest import CHECKPOINT, EXPORT, ExportManifest
from export import step
from export.worker import Checked, Work
from export.workshop import WorkFailed, Workshop
from tests.export import trained
from tests.export.conftest import BACKBONE, job, tiny


class Pretending(Workshop):
    """Finds everything good, without a worker, but for the variants that are to fail."""

    failing: tuple[str, ...] = ()

    def start(self) -> None:
        pass

    def ask(self, work: Work) -> Checked:
        if work.name in self.failing:
            raise WorkFailed("crashed (SIGSEGV)", where=work.name)
        if work.out is not None:
            shutil.copy(work.raw, work.out)
        return Checked({"Conv": 1}, "ab", 20, "full", {"1": 0.0})


@pytest.fixture
def export(argv: list[str], monkeypatch: pytest.MonkeyPatch):
    """`python -m export` with a tiny network in the place of the backbone: (variants that fail, options) to exit code."""
    monkeypatch.setattr(step, "load", tiny)

    def run(failing: tuple[str, ...], *more: str) -> int:
        monkeypatch.setattr("export.workshop.Workshop", type("Failing", (Pretending,), {"failing": failing}))
        return step.main([*argv, *more])

    return run


def test_one_failed_variant_of_four_is_named_and_not_the_exit_code(export, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert export(("sim-static",)) == GOOD
    said = capsys.readouterr()
    assert said.err.splitlines() == [f"failed: wings/{BACKBONE}/sim-static: crashed (SIGSEGV)"]
    assert "sim-static" in said.out
    assert len(manifest.read_verified(ExportManifest, folder / EXPORT, "").variants) == 3


def test_a_backbone_without_any_variant_that_was_asked_for_is_bad(export, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert export((), "--variant", "raw-dynamic") == GOOD
    assert capsys.readouterr().err == ""
    # What an earlier run left is still there, and is not what was asked for.
    assert export(("sim-static",), "--variant", "sim-static") == BAD
    assert "sim-static: crashed (SIGSEGV)" in capsys.readouterr().err
    assert [entry.name for entry in manifest.read_verified(ExportManifest, folder / EXPORT, "").variants] == ["raw-dynamic"]
    # The failure of an earlier run is of no interest to one that asks for something else.
    assert export((), "--variant", "raw-dynamic") == GOOD
    assert capsys.readouterr().err == ""


def test_nothing_but_failures_is_bad(export):
    assert export(("raw-static", "raw-dynamic")) == BAD


def test_the_disk_has_to_hold_the_files_of_all_backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    jobs = [job(tmp_path / name, trained.write(tmp_path / name, name, tiny(), tmp_path / "images")) for name in ("first", "second")]
    for each in jobs:
        (each.folder / CHECKPOINT).write_bytes(bytes(1000))
    assert step.needed_bytes(jobs) == 2 * 4 * 1000 + 2 * 1000
    assert step.needed_bytes(jobs[:1]) == 4 * 1000 + 1000
    assert step.needed_bytes([]) == 0
    monkeypatch.setattr(step, "plan", lambda *_: jobs)
    monkeypatch.setattr(step, "_build_all", lambda *_: pytest.fail("begun without room"))
    # Room for each of the two, and not for both.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=7000))
    with pytest.raises(EnvironmentFault, match="the plan needs"):
        step.main(["--artifacts", str(tmp_path)])
