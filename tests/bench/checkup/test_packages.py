"""Python and its packages, by the standard library alone."""

from __future__ import annotations

import re
import sys

import pytest

from bench.checkup import cure, packages

NEITHER = "onnxruntime or onnxruntime-gpu"


def test_each_dependency_that_is_not_installed_is_an_error_with_its_command(had):
    rows = packages.missing()
    names = [row.what for row in rows]
    assert {"rich", "packaging", "pytest-benchmark", NEITHER} <= set(names)
    assert not set(had) & set(names)
    assert {(row.good, row.found, row.cure) for row in rows} == {(False, "not installed", cure.sync())}
    had["onnxruntime"] = "1.31.1"
    assert [row.what for row in packages.missing()] == [name for name in names if name != NEITHER]


def test_nothing_is_missing_where_these_tests_run():
    assert packages.missing() == []


def test_a_package_without_a_version_is_what_an_installer_left_behind(had):
    had["rich"] = ""
    assert packages.installed("rich") is None


def test_the_dependencies_with_markers_are_the_wheels_of_onnx_runtime():
    marked = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in packages.project()["dependencies"] if ";" in text]
    assert sorted(marked) == sorted(packages.WHEELS)


def test_without_packaging_the_lock_is_not_read_and_that_is_an_error(monkeypatch):
    # Imported before by other tests, with `packaging` in hand.
    monkeypatch.delitem(sys.modules, "bench.checkup.lock", raising=False)
    monkeypatch.delattr("bench.checkup.lock", raising=False)
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    (row,) = packages.compared()
    assert row.good is False
    assert row.found.startswith("cannot be compared with the lock: ")
    assert "packaging" in row.found
    assert row.cure == cure.sync("--reinstall-package packaging")


def test_two_onnxruntime_packages_are_an_error():
    assert packages.one_runtime({"onnxruntime": "1.31.1"}) == []
    (row,) = packages.one_runtime({"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"})
    assert (row.good, row.what) == (False, "one ONNX Runtime")
    assert row.cure == cure.sync("--reinstall-package onnxruntime", "--reinstall-package onnxruntime-gpu")


@pytest.mark.parametrize(("version", "good"), [("3.11.0", True), ("3.14.0rc1", True), ("3.10.9", False)])
def test_python_is_held_against_what_the_project_asks_for(monkeypatch, version, good):
    monkeypatch.setattr(packages.platform, "python_version", lambda: version)
    row = packages.python()
    assert (row.good, row.found) == (good, version)
    assert row.cure == ("" if good else "rm -rf .venv && uvx --python '>=3.11' nox -s doctor")


def test_what_the_project_asks_of_python_is_of_the_form_that_is_compared():
    assert re.fullmatch(r">=\d+\.\d+", packages.project()["requires-python"])
