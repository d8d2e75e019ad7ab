"""How much of the machine is ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contract import machine


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "400000\n"}, None),
    ],
)
def test_the_quota_of_both_versions_of_cgroups(tmp_path, files, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert machine.cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "threads"), [(None, 8), (0.5, 1), (2.9, 2), (64.0, 8)])
def test_threads_are_the_smaller_of_affinity_and_quota(monkeypatch, quota, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "cgroup_quota", lambda: quota)
    assert machine.usable_threads() == threads


def test_what_cpuinfo_says(monkeypatch):
    text = "processor\t: 0\nmodel name\t: A CPU @ 3 GHz: new\nflags\t\t: sse2 avx\n\nprocessor\t: 1\nflags\t\t: x\n"
    monkeypatch.setattr(Path, "read_text", lambda _: text)
    assert machine.cpu_flags() == ["avx", "sse2"]
    assert machine.cpu_model() == "A CPU @ 3 GHz: new"


def test_without_cpuinfo_there_are_no_flags_and_still_a_name(monkeypatch):
    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert machine.cpu_flags() == []
    assert machine.cpu_model()
