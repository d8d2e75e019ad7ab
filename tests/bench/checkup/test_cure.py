"""The commands that mend are those of this checkout and of this system."""

from __future__ import annotations

import os
import re
import shutil
import sys

import pytest

from bench.checkup import cure
from contract.layout import CHECKOUT
from tests import sessions

SOURCES = [CHECKOUT / "bench" / "doctor.py", *(CHECKOUT / "bench" / "checkup").glob("*.py")]


def test_every_nox_session_that_a_cure_names_is_one():
    found = [names for path in SOURCES for names in re.findall(r"nox -s ((?:[a-z]+ ?)+)", path.read_text(encoding="utf-8"))]
    named = {name for names in found for name in names.split()}
    assert {"build", "doctor", "train"} <= named
    assert named <= set(sessions.names())


def test_in_the_environment_of_the_checkout_the_lock_is_installed_anew(monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(CHECKOUT / ".venv"))
    assert cure.sync() == "uv pip sync --python .venv --require-hashes requirements/all.txt"
    assert cure.sync("--reinstall") == f"{cure.sync()} --reinstall"
    assert (CHECKOUT / cure.sync().split()[-1]).is_file()


def test_another_python_is_left_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert cure.sync("--reinstall").partition(" #")[0] == "uvx nox -s doctor"


@pytest.mark.parametrize(
    ("manager", "platform", "user", "said"),
    [
        ("apt-get", "linux", 0, "apt-get install build-essential"),
        ("apt-get", "linux", 1000, "sudo apt-get install build-essential"),
        ("dnf", "linux", 1000, "sudo dnf install gcc"),
        ("apk", "linux", 0, "apk add build-base"),
        ("brew", "darwin", 501, "brew install gcc"),
        (None, "darwin", 501, "brew install gcc"),
        (None, "linux", 0, "apt-get install build-essential"),
    ],
)
def test_a_program_is_installed_by_the_package_manager_that_there_is(monkeypatch, manager, platform, user, said):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == manager else None)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert cure.install("gcc", {"apt-get": "build-essential", "apk": "build-base"}) == said
