"""One writer at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from contract import lock
from contract.errors import EnvironmentFault

HOLDER = """
import sys, time
from pathlib import Path
from contract import lock
with lock.exclusive(Path(sys.argv[1]), "train"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_who_is_at_work_and_a_killed_one_holds_nothing(tmp_path):
    folder = tmp_path / "artifacts"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(EnvironmentFault) as caught, lock.exclusive(folder, "export"):
            pass
        holder.kill()
    assert str(caught.value).startswith(f"{folder}: in use: train (process {holder.pid})\n  next: wait for it to end")
    with lock.exclusive(folder, "export"):
        assert (folder / ".lock").read_text().startswith("export (process ")


def test_it_is_free_again_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stop"), lock.exclusive(tmp_path, "a long word for what is being done"):
            raise RuntimeError("stop")
    with lock.exclusive(tmp_path, "x"):
        assert (tmp_path / ".lock").read_text() == f"x (process {os.getpid()})"


def test_a_child_of_the_holder_does_not_inherit_the_lock(tmp_path):
    with lock.exclusive(tmp_path, "train"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.1)
        with lock.exclusive(tmp_path, "export"):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_file_system_without_locks_is_not_taken_for_a_second_run(tmp_path, monkeypatch):
    def refuse(handle: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock, "_try_lock", refuse)
    with pytest.raises(EnvironmentFault, match=r"cannot be locked \(Operation not supported\)"), lock.exclusive(tmp_path, "x"):
        pass


def test_a_lock_of_another_user_is_held_all_the_same(tmp_path, monkeypatch):
    """The file of whoever came first is not writable for others: it is locked, and nothing is written."""
    with lock.exclusive(tmp_path, "x"):
        pass
    true = os.open

    def other_users(path: object, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", str(path))
        return true(path, flags, *mode)

    monkeypatch.setattr(os, "open", other_users)
    with lock.exclusive(tmp_path, "mine"):
        assert (tmp_path / ".lock").read_text() == ""
        with pytest.raises(EnvironmentFault, match="in use: another process"), lock.exclusive(tmp_path, "also mine"):
            pass
    with pytest.raises(PermissionError), lock.exclusive(tmp_path / "none", "x"):
        pass
