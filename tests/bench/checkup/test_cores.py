"""Threads, the cgroup's limit, the governor and the load."""

from __future__ import annotations

import os

import pytest

from bench.checkup import cores


@pytest.mark.parametrize(
    ("limit", "good", "words"), [("max 100000", True, "none"), ("150000 100000", None, "1.5 of 4"), ("400000 100000", True, "4 CPUs")]
)
def test_a_limit_below_the_cores_is_a_warning(tmp_path, monkeypatch, limit, good, words):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    (tmp_path / "cpu.max").write_text(limit)
    row = cores.quota(tmp_path)
    assert row.good is good
    assert row.found.startswith(words)
    assert row.cure.startswith("docker run --cpuset-cpus 0-0 #") == (good is None)


@pytest.mark.parametrize(
    ("each", "good", "words"),
    [
        ((), True, "the system does not say"),
        (("performance",) * 2, True, "performance"),
        (("performance", "powersave"), None, "performance, powersave"),
    ],
)
def test_a_clock_that_follows_the_load_is_a_warning(tmp_path, each, good, words):
    for number, name in enumerate(each):
        folder = tmp_path / f"cpu{number}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{name}\n")
    row = cores.governor(tmp_path)
    assert row.good is good
    assert row.found.startswith(words)
    assert row.cure.startswith("echo performance | sudo tee /sys/devices/system/cpu/") == (good is None)


@pytest.mark.parametrize(("busy", "good"), [(0.9, True), (1.1, None)])
def test_other_programs_are_a_warning(monkeypatch, busy, good):
    monkeypatch.setattr(os, "getloadavg", lambda: (busy, 9.0, 9.0))
    monkeypatch.setattr(cores.machine, "usable_threads", lambda: 2)
    (row,) = cores.load()
    assert row.good is good
    assert row.found.startswith(str(busy))


def test_all_of_them_on_this_machine():
    assert [row.what for row in cores.rows()][:3] == ["threads", "cgroup limit", "clock governor"]
