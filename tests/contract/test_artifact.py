"""Files that steps hand on: old or new, never torn; hashed the same by everybody."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from contract import artifact
from contract.errors import DataError, EnvironmentFault

# Writes a file of one repeated byte again and again, saying "r" when it is at it.
WRITER = """
import sys, itertools
from pathlib import Path
from contract import artifact
print("r", flush=True)
for n in itertools.count():
    artifact.write_bytes(Path(sys.argv[1]), bytes([n % 256]) * 2_000_000)
"""


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_killed_writer_leaves_the_old_or_the_new_file_and_its_leftover_is_swept(tmp_path):
    target = tmp_path / "a.bin"
    artifact.write_bytes(target, b"\xff" * 2_000_000)
    leftovers = 0
    for seed in range(12):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(Random(seed).uniform(0, 0.02))
            process.kill()
        data = target.read_bytes()
        assert len(data) == 2_000_000
        assert data == data[:1] * len(data)
        swept = artifact.sweep(tmp_path)
        leftovers += len(swept)
        assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert leftovers, "no kill hit a write: this test proves nothing"


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    artifact.write_text(target, "old Ω")

    def fail():
        with artifact.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert target.read_text(encoding="utf-8") == "old Ω"
    assert len(list(target.parent.iterdir())) == 1


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_mode_is_the_umask_s_even_where_the_writer_made_it_private(tmp_path, umask):
    before = os.umask(umask)
    try:
        with artifact.atomic_path(tmp_path / "a") as temporary:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_sweep_takes_only_what_dead_processes_left(tmp_path):
    dead = dead_pid()
    doomed = [tmp_path / f".tmp-{dead}-a", tmp_path / "x" / f".tmp-{dead}-folder", tmp_path / f".tmp-{10**30}-b"]
    kept = [tmp_path / f".tmp-{os.getpid()}-a", tmp_path / ".tmp-x-a", tmp_path / f"tmp-{dead}-a", tmp_path / "other"]
    (tmp_path / "x").mkdir()
    doomed[1].mkdir()
    (doomed[1] / "inside").touch()
    for path in [*doomed, *kept]:
        if not path.exists():
            path.touch()
    link = tmp_path / "x" / f".tmp-{dead}-link"
    link.symlink_to(kept[3].parent, target_is_directory=True)
    assert sorted(artifact.sweep(tmp_path)) == sorted([*doomed, link])
    assert all(path.exists() for path in kept)
    assert not any(os.path.lexists(path) for path in [*doomed, link])
    assert artifact.sweep(tmp_path / "nowhere") == []


def test_sweep_passes_over_what_another_run_removes(tmp_path, monkeypatch):
    (tmp_path / ".tmp-999999999-a").mkdir()
    (tmp_path / ".tmp-999999999-b" / "deep").mkdir(parents=True)
    true, gone = artifact.shutil.rmtree, []

    def first(path: Path, **options: bool) -> None:
        if not gone:  # the other run is faster with this one
            gone.append(path)
            true(path)
        true(path, **options)

    monkeypatch.setattr(artifact.shutil, "rmtree", first)
    assert len(artifact.sweep(tmp_path)) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_leftover_of_a_process_of_the_same_number_does_not_stand_in_the_way(tmp_path):
    (tmp_path / f".tmp-{os.getpid()}-made" / "old").mkdir(parents=True)
    artifact.write_folder(tmp_path / "made", lambda folder: (folder / "new").touch())
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["new"]


def test_verify(tmp_path):
    artifact.write_bytes(tmp_path / "a", b"abc")
    good = {"a": hashlib.sha256(b"abc").hexdigest()}
    artifact.verify(tmp_path, good, "nox -s train")
    with pytest.raises(DataError, match=r"/b: listed in the manifest, but missing\n  next: nox -s train"):
        artifact.verify(tmp_path, good | {"b": good["a"]}, "nox -s train")
    (tmp_path / "a").write_bytes(b"abd")
    with pytest.raises(DataError, match=r"/a: corrupt: its sha256 is not the manifest's\n  next: nox -s train"):
        artifact.verify(tmp_path, good, "nox -s train")


def test_sha256_of_a_file_longer_than_a_block(tmp_path):
    data = Random(0).randbytes(artifact.BLOCK * 2 + 7)
    (tmp_path / "a").write_bytes(data)
    assert artifact.sha256_file(tmp_path / "a") == artifact.sha256_bytes(data) == hashlib.sha256(data).hexdigest()


def test_the_source_hash_is_the_sum_that_infer_rs_makes(tmp_path):
    names = {"src/b.rs": b"two", "src.rs": b"three", "src/a/c.rs": b"", "Cargo.toml": b"one"}
    for name, data in names.items():
        artifact.write_bytes(tmp_path / name, data)
    # Written as infer_rs/build.rs does it: sorted by name, name NUL hex LF.
    lines = [name.encode() + b"\0" + hashlib.sha256(names[name]).hexdigest().encode() + b"\n" for name in sorted(names)]
    expected = hashlib.sha256(b"".join(lines)).hexdigest()
    files = [tmp_path / name for name in names]
    assert artifact.source_hash(tmp_path, files) == artifact.source_hash(tmp_path, reversed(files)) == expected
    # A file's name and each of its bytes count.
    (tmp_path / "src.rs").rename(tmp_path / "src/d.rs")
    moved = [tmp_path / name for name in ("src/b.rs", "src/d.rs", "src/a/c.rs", "Cargo.toml")]
    assert artifact.source_hash(tmp_path, moved) != expected


def test_the_package_hash_is_over_the_python_files_of_the_packages():
    root = Path(artifact.__file__).parent.parent
    assert artifact.package_hash("contract") == artifact.source_hash(root, (root / "contract").rglob("*.py"))
    assert artifact.package_hash("contract") != artifact.package_hash("contract", "infer_py")


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "set"

    def fill(folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_text("a")

    def fail(folder: Path) -> None:
        fill(folder)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        artifact.write_folder(target, fail)
    assert list(tmp_path.iterdir()) == []
    artifact.write_folder(target, fill)
    assert (target / "sub" / "a").read_text() == "a"
    with pytest.raises(EnvironmentFault, match="already there"):
        artifact.write_folder(target, fill)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_need_disk(tmp_path):
    artifact.need_disk(tmp_path / "not" / "yet", 1)
    with pytest.raises(EnvironmentFault, match=r"the plan needs 1000000000\.0 GB, and .* GB are free") as caught:
        artifact.need_disk(tmp_path / "not" / "yet", 10**18)
    assert "--artifacts DIR" in caught.value.next
