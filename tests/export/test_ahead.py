"""Several backbones in one export: the next one is translated while the one before is checked, and takes nothing from it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import torch

from contract import manifest
from contract.errors import DataError
from contract.manifest import CHECKPOINT, EXPORT, ExportManifest
from export import step
from export.plan import Job
from export.worker import Checked, Work
from export.workshop import Workshop
from tests.export import trained
from tests.export.conftest import job, tiny


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Two backbones, of which the second has the larger checkpoint."""
    made = []
    for name, size in (("small", 1000), ("large", 2000)):
        folder = tmp_path / name / "0123abcd"
        made.append(job(folder, trained.write(folder, name, tiny(), tmp_path / "images")))
        (folder / CHECKPOINT).write_bytes(bytes(size))
    return made


class Waiting(Workshop):
    """Finds everything good, without a worker, but not before something has happened."""

    happened = threading.Event()

    def start(self) -> None:
        pass

    def ask(self, work: Work) -> Checked:
        if not self.happened.wait(30):
            raise AssertionError("the step waited for the worker")
        if work.out is not None:
            shutil.copy(work.raw, work.out)
        return Checked({"Conv": 1}, "ab", 20, "full", {"1": 0.0})


def build_all(jobs: list[Job]) -> list[ExportManifest]:
    return step._build_all(jobs, lambda job: job, 1, "s", lambda _: None)


def test_the_largest_is_translated_first_and_the_next_while_it_is_checked(jobs: list[Job], monkeypatch: pytest.MonkeyPatch):
    loaded = []

    def load(job: Job) -> torch.nn.Module:
        loaded.append(job.trained.backbone)
        if len(loaded) == len(jobs):
            Waiting.happened.set()
        return tiny()

    monkeypatch.setattr(Waiting, "happened", threading.Event())
    monkeypatch.setattr("export.workshop.Workshop", Waiting)
    monkeypatch.setattr(step, "load", load)
    done = build_all(jobs)
    assert loaded == ["large", "small"]
    assert [(entry.backbone, len(entry.variants)) for entry in done] == [("small", 4), ("large", 4)], "in the order that was asked for"
    for each, entry in zip(jobs, done, strict=True):
        assert manifest.read_verified(ExportManifest, each.folder / EXPORT, "") == entry
        assert not list(each.folder.glob(".tmp-*"))


def test_what_is_wrong_with_one_backbone_costs_the_one_before_it_nothing(jobs: list[Job], monkeypatch: pytest.MonkeyPatch):
    def load(job: Job) -> torch.nn.Module:
        if job.trained.backbone == "small":
            raise DataError("does not fit", where="checkpoint")
        return tiny()

    monkeypatch.setattr(Waiting, "happened", threading.Event())
    Waiting.happened.set()
    monkeypatch.setattr("export.workshop.Workshop", Waiting)
    monkeypatch.setattr(step, "load", load)
    with pytest.raises(DataError, match="does not fit"):
        build_all(jobs)
    small, large = jobs
    assert len(manifest.read_verified(ExportManifest, large.folder / EXPORT, "").variants) == 4
    assert not (small.folder / EXPORT).exists()


def test_a_stop_in_the_next_backbone_leaves_nothing_half_done(jobs: list[Job], monkeypatch: pytest.MonkeyPatch):
    def load(job: Job) -> torch.nn.Module:
        if job.trained.backbone == "small":
            raise KeyboardInterrupt
        return tiny()

    monkeypatch.setattr(step, "load", load)
    with pytest.raises(KeyboardInterrupt):
        build_all(jobs)
    for each in jobs:
        assert not (each.folder / EXPORT).exists()
        assert not list(each.folder.glob("*.onnx"))
        assert not list(each.folder.glob(".tmp-*"))
