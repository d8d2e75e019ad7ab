"""Files that steps hand on: hashed, written atomically, listed in a manifest that is written last."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.errors import DataError, EnvironmentFault, disk_fault

BLOCK = 1 << 20
LEFTOVER = re.compile(r"^\.tmp-(\d+)-")


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sha256_bytes(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def source_hash(root: Path, files: Iterable[Path]) -> str:
    """Hex sha256 over the relative names and contents of source files: the code version of a step or a runner.

    The same sum is made by infer_rs/build.rs, so that a stale binary can be told from a fresh one.
    """
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        digest.update(f"{name}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def package_hash(*packages: str) -> str:
    """Code version of packages of this checkout, such as `package_hash("train", "contract")`."""
    root = Path(__file__).resolve().parent.parent
    return source_hash(root, [path for name in packages for path in (root / name).rglob("*.py")])


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well it replaces `path`, otherwise it is removed.

    For writers that want a file name. Flushes the file and its folder to disk (fsync), and keeps the umask's mode.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".tmp-{os.getpid()}-{path.name}"
    try:
        yield temporary
        _chmod_as_umask(temporary)
        _fsync(temporary)
        os.replace(temporary, path)
        _fsync(path.parent)
    except OSError as fault:
        known = disk_fault(fault, path)
        if known is None:
            raise
        raise known from fault
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file by these bytes, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Replace a file by this text (UTF-8), atomically."""
    write_bytes(path, text.encode())


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Create a whole folder or nothing: `fill` writes into a temporary one, which is flushed to disk and renamed to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".tmp-{os.getpid()}-{path.name}"
    try:
        # A dead process of the same number may have left one: in a container numbers come again.
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        fill(temporary)
        for inside in (*temporary.rglob("*"), temporary):
            _fsync(inside)
        try:
            os.replace(temporary, path)
        except OSError as fault:
            if not path.exists():
                raise
            raise EnvironmentFault(
                "already there", where=str(path), next="another run made it at the same time: run the command again"
            ) from fault
        _fsync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> list[Path]:
    """Remove temporary files and folders that dead processes left below `folder`; returns what was removed."""
    removed = []
    # Another run may remove what is listed here: os.walk passes over what is gone.
    for home, folders, files in os.walk(folder):
        for path in (Path(home, name) for name in sorted([*folders, *files])):
            match = LEFTOVER.match(path.name)
            if match and not _alive(int(match[1])):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
                removed.append(path)
    return sorted(removed)


def verify(folder: Path, files: dict[str, str], remedy: str) -> None:
    """Check files of a manifest, `{name: sha256}`, before they are used. Raises DataError naming the file."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise DataError("listed in the manifest, but missing", where=str(path), next=remedy)
        if sha256_file(path) != expected:
            raise DataError("corrupt: its sha256 is not the manifest's", where=str(path), next=remedy)


def need_disk(folder: Path, needed_bytes: int, remedy: str = "") -> None:
    """Raise EnvironmentFault, with the next step, when the disk of `folder` has less room than the plan needs."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise EnvironmentFault(
            f"the plan needs {needed_bytes / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            where=str(folder),
            next=remedy or "free some space, or choose fewer backbones (--backbone resnet18), or another disk (--artifacts DIR)",
        )


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill(pid, 0) would end that process: leftovers stay
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _chmod_as_umask(path: Path) -> None:
    # Some writers (safetensors) create 0600 files; an artifact is readable like any other file.
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _fsync(path: Path) -> None:
    if sys.platform == "win32":
        return  # it flushes no file that was opened to read, and opens no folder
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
