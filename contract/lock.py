"""One writer at a time: a lock file that the operating system releases when its holder dies."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.errors import EnvironmentFault

HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(folder: Path, doing: str, *, way_out: str = "or give this run its own --artifacts DIR") -> Iterator[None]:
    """Hold `folder` for this process while the block runs.

    Raises EnvironmentFault, naming the process that holds it and what it does, when another one is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    handle, ours = _opened(path)
    try:
        try:
            _try_lock(handle)
        except OSError as fault:
            if fault.errno not in HELD:
                raise EnvironmentFault(
                    f"cannot be locked ({fault.strerror})", where=str(path), next="use a folder on a local disk: --artifacts DIR"
                ) from fault
            holder = path.read_text().strip() or "another process"
            raise EnvironmentFault(f"in use: {holder}", where=str(folder), next=f"wait for it to end, {way_out}") from fault
        _write(handle, f"{doing} (process {os.getpid()})", ours=ours)
        yield
        _write(handle, "", ours=ours)
    finally:
        os.close(handle)


def _opened(path: Path) -> tuple[int, bool]:
    """A handle to lock, and whether it can be written: of a lock that another user of this machine made there is nothing to write."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666), True
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY), False


def _write(handle: int, holder: str, *, ours: bool) -> None:
    if ours:
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder.encode(), 0)
