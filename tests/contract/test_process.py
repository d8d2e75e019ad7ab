"""What a process is: said by what is in force in it, not by what was asked."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from contract import machine, process
from contract.layout import CHECKOUT

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux says it")
GLIBC = platform.libc_ver()[0] == "glibc"


def facts_of(command: list[str], **environment: str) -> dict[str, object]:
    """The facts of a fresh interpreter."""
    say = "import json; from contract import process; print(json.dumps(process.facts('Release')))"
    done = subprocess.run(
        [*command, sys.executable, "-c", say], cwd=CHECKOUT, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), ([0, 1], "0-1"), ([8, 2, 0, 1, 5, 7], "0-2,5,7-8"), ([1, 1, 2], "1-2"), ([0, 2, 4], "0,2,4")],
)
def test_lists_of_cpus_are_written_as_linux_writes_them(numbers, text):
    assert process.ranges(numbers) == text


@ON_LINUX
def test_linux_says_everything():
    found = process.facts("Release")
    assert found["affinity"] == process.ranges(os.sched_getaffinity(0))
    assert (found["timer"], found["timer_resolution_ns"]) == (
        "clock_gettime(CLOCK_MONOTONIC)",
        round(time.clock_getres(time.CLOCK_MONOTONIC) * 1e9),
    )
    assert (found["denormals"], found["library_profile"], found["gil"]) == ("kept", "release", True)
    assert "cgroup_quota" in found


@ON_LINUX
@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset")
def test_the_affinity_is_that_of_the_process():
    first = min(os.sched_getaffinity(0))
    assert facts_of(["taskset", "--cpu-list", str(first)])["affinity"] == str(first)


def test_what_a_system_does_not_say_is_absent(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "MAPS", tmp_path / "maps")
    monkeypatch.setattr(process, "CLOCKSOURCE", tmp_path / "clocksource")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    found = process.facts("Debug")
    assert not {"affinity", "allocator", "clocksource"} & found.keys()
    assert found["library_profile"] == "debug"
    (tmp_path / "clocksource").write_text("hpet\n")
    assert process.facts("Debug")["clocksource"] == "hpet"


@pytest.mark.parametrize(
    ("files", "text"), [({}, "unlimited"), ({"cpu.max": "max 100000"}, "unlimited"), ({"cpu.max": "150000 100000"}, "150000 of 100000 us")]
)
def test_the_quota_keeps_its_period(tmp_path, files, text):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert machine.cgroup_text(tmp_path) == text


MAPPED = """\
00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/python 3
00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
35b1800000-35b1820000 r-xp 00000000 08:02 135522  /usr/lib64/libjemalloc.so.2
7fff00000000-7fff00001000 rw-p 00000000 00:00 0
"""


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0x400000, "python 3"),
        (0x451FFF, "python 3"),
        (0x452000, None),
        (0x35B1800001, "libjemalloc.so.2"),
        (0x7FFF00000001, None),
        (0, None),
    ],
)
def test_the_file_that_is_mapped_at_an_address(address, name):
    assert process.mapped(address, MAPPED) == name


@ON_LINUX
@pytest.mark.skipif(not GLIBC, reason="not on glibc")
def test_the_allocator_is_the_c_librarys():
    assert process.allocator() == f"glibc {platform.libc_ver()[1]}"


@ON_LINUX
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_an_allocator_that_is_preloaded_is_named_and_one_that_failed_to_be_is_not(tmp_path):
    source, library = tmp_path / "m.c", tmp_path / "libmine.so"
    source.write_text("#include <stddef.h>\nvoid *__libc_malloc(size_t);\nvoid *malloc(size_t n) { return __libc_malloc(n); }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    assert facts_of([], LD_PRELOAD=str(library))["allocator"] == "libmine.so"
    # The loader only warns, and runs the program without it.
    assert facts_of([], LD_PRELOAD=str(tmp_path / "gone.so"))["allocator"] == process.allocator()


@pytest.fixture
def mxcsr() -> Iterator[list[int]]:
    """Set bits of this thread's floating-point control word: mxcsr.append(bits)."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64") or not GLIBC:
        pytest.skip("the layout of fenv_t is known for glibc on x86-64 only")
    c, saved = ctypes.CDLL("libm.so.6"), ctypes.create_string_buffer(32)
    c.fegetenv(saved)

    class Bits(list[int]):
        def append(self, bits: int) -> None:
            changed = bytearray(saved.raw)
            # glibc's bits/fenv.h: seven 4-byte words, then __mxcsr.
            changed[28:32] = (int.from_bytes(changed[28:32], "little") | bits).to_bytes(4, "little")
            c.fesetenv(bytes(changed))

    yield Bits()
    c.fesetenv(saved)


@pytest.mark.parametrize(("bits", "said"), [(0, "kept"), (1 << 15, "zeroed"), (1 << 6, "zeroed"), (1 << 15 | 1 << 6, "zeroed")])
def test_denormals_are_tried_and_not_asked_for(mxcsr, bits, said):
    """Flush to zero is bit 15 of MXCSR, denormals are zero bit 6 (Intel's manual, volume 1, 10.2.3)."""
    mxcsr.append(bits)
    assert process.denormals() == said


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_and_is_left_as_it_was(enabled):
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with process.quiet_collector():
            assert not gc.isenabled()
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_a_profile_is_written_small():
    assert process.facts("RelWithDebInfo")["library_profile"] == "relwithdebinfo"
    assert process.facts("x")["profile"] == ("debug" if hasattr(sys, "gettotalrefcount") else "release")
