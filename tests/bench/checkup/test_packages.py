"""Python and its packages against the lock."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from bench.checkup import packages

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
def had(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is installed: name -> version."""
    versions = {"numpy": "2.4.6", "torch": "2.15.0+cu132", "torchvision": "0.29.2"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(packages.metadata, "version", version)
    return versions


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "all.txt"
    path.write_text(LOCK)
    return path


def test_what_is_installed_as_locked_is_good_and_markers_are_respected(had, lock):
    row = packages.locked(lock)
    assert (row.good, row.cure) == (True, "")
    assert row.found.startswith("all 2 as locked")


def test_another_version_is_a_warning_with_both_versions(had, lock):
    had["numpy"] = "2.5.0"
    row = packages.locked(lock)
    assert (row.good, row.found, row.cure) == (None, "not as locked: numpy 2.5.0 (locked: 2.4.6)", packages.ANEW)


def test_a_package_that_is_not_installed_is_an_error_only_where_a_run_needs_it(had, lock):
    lock.write_text(LOCK + "Ruff==0.17.5\nzipp==3.0\n")
    row = packages.locked(lock)
    assert (row.good, row.found, row.cure) == (None, "not installed: ruff, zipp", packages.SYNC)
    del had["numpy"]
    row = packages.locked(lock)
    assert (row.good, row.found, row.cure) == (False, "not installed: numpy, ruff, zipp", packages.SYNC)


def test_of_many_packages_the_first_are_named():
    assert packages.some([*"abcdefgh"]) == "a, b, c, d, e, f and 2 more"


def test_the_lock_of_this_checkout_can_be_read():
    names = [each.name for each in packages.requirements(packages.LOCK)]
    assert {"torch", "pillow", "onnxruntime", "onnxruntime-gpu"} <= set(names)
    assert len(names) > 80


@pytest.mark.parametrize(("torch", "good"), [("2.15.0+cu132", True), ("2.13.1", False)])
def test_torch_must_be_the_one_that_torchvision_asks_for(had, monkeypatch, torch, good):
    had["torch"] = torch
    monkeypatch.setattr(packages.metadata, "requires", lambda _: ["numpy", "torch (==2.15.0)", "torch>9; extra == 'never'"])
    (row,) = packages.pair()
    assert row.good is good
    assert torch in row.found
    assert "torch==2.15.0" in row.found
    assert row.cure == ("" if good else packages.ANEW)


def test_torch_not_installed_is_an_error(had):
    del had["torch"]
    assert [(row.good, row.found) for row in packages.pair()] == [(False, "not installed: torch")]


def test_two_onnxruntime_packages_are_an_error():
    assert packages.one_runtime({"onnxruntime": "1.31.1"}) == []
    (row,) = packages.one_runtime({"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"})
    assert (row.good, row.what, row.cure) == (False, "one ONNX Runtime", packages.ANEW)


@pytest.mark.parametrize(("version", "good"), [("3.11.0", True), ("3.14.0rc1", True), ("3.10.9", False)])
def test_python_is_held_against_what_the_project_asks_for(monkeypatch, version, good):
    monkeypatch.setattr(packages.platform, "python_version", lambda: version)
    row = packages.python()
    assert (row.good, row.found) == (good, version)
    assert good or ">=3.11" in row.cure
