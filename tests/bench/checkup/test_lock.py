"""What is installed against the lock."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from bench.checkup import cure
from bench.checkup import lock as against

LOCK = """# made by uv
numpy==2.4.6 \\
    --hash=sha256:00 \\
    --hash=sha256:11
    # via torch
colorama==0.4.6 ; sys_platform == 'never'
    # via pytest
torch==2.15.0 ; python_version >= '3.11' \\
    --hash=sha256:22
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "all.txt"
    path.write_text(LOCK)
    return path


def test_what_is_installed_as_locked_is_good_and_markers_are_respected(had, lock):
    row = against.locked(lock)
    assert (row.good, row.cure) == (True, "")
    assert row.found.startswith("all 2 as locked")


def test_another_version_is_a_warning_with_both_versions(had, lock):
    had["numpy"] = "2.5.0"
    row = against.locked(lock)
    assert (row.good, row.found, row.cure) == (None, "not as locked: numpy 2.5.0 (locked: 2.4.6)", cure.sync())


def test_a_package_that_is_not_installed_is_an_error_only_where_a_run_needs_it(had, lock):
    lock.write_text(LOCK + "Ruff==0.17.5\nzipp==3.0\n")
    row = against.locked(lock)
    assert (row.good, row.found, row.cure) == (None, "not installed: ruff, zipp", cure.sync())
    del had["numpy"]
    row = against.locked(lock)
    assert (row.good, row.found, row.cure) == (False, "not installed: numpy, ruff, zipp", cure.sync())


def test_of_many_packages_the_first_are_named():
    assert against.some([*"abcdefgh"]) == "a, b, c, d, e, f and 2 more"


def test_the_lock_of_this_checkout_can_be_read():
    names = [each.name for each in against.requirements(against.LOCK)]
    assert {"torch", "pillow", "onnxruntime", "onnxruntime-gpu"} <= set(names)
    assert len(names) > 80


@pytest.mark.parametrize(("torch", "good"), [("2.15.0+cu132", True), ("2.13.1", False)])
def test_torch_must_be_the_one_that_torchvision_asks_for(had, monkeypatch, torch, good):
    had["torch"] = torch
    monkeypatch.setattr(metadata, "requires", lambda _: ["numpy", "torch (==2.15.0)", "torch>9; extra == 'never'"])
    (row,) = against.pair()
    assert row.good is good
    assert torch in row.found
    assert "torch==2.15.0" in row.found
    assert row.cure == ("" if good else cure.sync())


def test_torch_not_installed_is_an_error(had):
    del had["torch"]
    assert [(row.good, row.found) for row in against.pair()] == [(False, "not installed: torch")]
