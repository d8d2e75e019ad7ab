"""What else happened on the machine, read from files as the kernel writes them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from bench.measure import clocks, sentinel
from bench.measure.clocks import Clocks
from bench.measure.sentinel import Reading

STAT = "cpu  100 20 30 800 5 1 2 {stolen} 7 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"


NOW = Clocks(5, 6, 7, 1)


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr(clocks, "read", lambda: NOW)

    def write(stolen: int, throttled: int) -> Reading:
        (tmp_path / "stat").write_text(STAT.format(stolen=stolen))
        (tmp_path / "cpu.stat").write_text(f"usage_usec 5\nnr_throttled 1\nthrottled_usec {throttled}\n")
        return sentinel.read(tmp_path, tmp_path)

    return write


def test_counters_are_read(system):
    assert system(40, 7) == Reading(ticks=998, stolen=40, throttled=7, clocks=NOW)


@pytest.mark.parametrize("text", ["", "cpu 1 2 3", "cpu a b c d e f g h"])
def test_a_system_without_counters_says_nothing_but_the_time(tmp_path, monkeypatch, text):
    monkeypatch.setattr(clocks, "read", lambda: NOW)
    (tmp_path / "stat").write_text(text)
    assert sentinel.read(tmp_path, tmp_path) == Reading(clocks=NOW)
    assert sentinel.cause(Reading(), Reading()) is None


@pytest.mark.parametrize(
    ("after", "cause"),
    [
        (Reading(1000, 100, 0), None),
        (Reading(1000, 101, 0), "more than 10% of the CPU time was stolen"),
        (Reading(1000, 0, 1), "throttled by the cgroup's quota"),
        (Reading(1000, 0, 0, Clocks(10**9, 10**9, 10**9)), None),
        (Reading(1000, 0, 0, Clocks(10**9, 10**9, 3 * 10**9)), "the machine was suspended"),
    ],
)
def test_causes(after, cause):
    assert sentinel.cause(Reading(), after) == cause


@pytest.mark.skipif(sys.platform != "linux", reason="schedstat is Linux's")
def test_cpu_time_of_processes():
    busy = subprocess.Popen([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); input()"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert busy.stdout is not None
    busy.stdout.readline()
    used = sentinel.cpu_ns([busy.pid])
    time.sleep(0.05)
    assert 0.3e9 <= used < 5e9
    assert sentinel.cpu_ns([busy.pid]) - used < 5e6  # it waits
    busy.kill()
    busy.communicate()
    assert sentinel.cpu_ns([busy.pid]) == 0
    assert sentinel.cpu_ns([os.getpid()]) > 0
