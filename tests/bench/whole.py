"""What whole runs over fake runners need: options, a subject that has been trained and exported, a look for what they leave behind."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from bench import foreign, run
from bench.fleet import Fleet
from contract import manifest
from contract import options as shared
from contract.lock import exclusive
from contract.options import Options
from tests.bench import fakes

MATRIX = """
dataset = [{ name = "wings", format = "wings" }]
backbone = [
  { name = "resnet18", task = "classify", weights = ["random"], recipe = { cpu = "quick" } },
  { name = "regnet_x_400mf", task = "classify", weights = ["random"], recipe = { cpu = "quick" } },
]
recipe = [{ name = "quick", train = "all", epochs = 1 }]
variant = [
  { name = "raw-static", simplify = false, batch = "static" },
  { name = "raw-dynamic", simplify = false, batch = "dynamic" },
  { name = "sim-dynamic", simplify = true, batch = "dynamic" },
]
runtime = [{ name = "torch-eager" }, { name = "ort-python" }, { name = "ort-rust" }]
scenario = [
  { name = "latency", kind = "latency" },
  { name = "throughput", kind = "throughput", batch = 8 },
  { name = "load", kind = "load", variant = ["raw-dynamic"] },
  { name = "e2e", kind = "e2e", variant = ["raw-dynamic"] },
]

[defaults]
dataset = ["wings"]
backbone = ["resnet18"]
variant = ["raw-static", "raw-dynamic", "sim-dynamic"]
runtime = ["torch-eager", "ort-python", "ort-rust"]
scenario = ["latency", "throughput", "load", "e2e"]
device = "cpu"

[measure]
seconds = 6.0
restarts = 3
"""


@pytest.fixture
def pids(tmp_path, monkeypatch):
    """Fake runners, a temporary folder of the test's own; yields the runners' numbers, which must be gone in the end."""
    fakes.use(monkeypatch)
    for module in (run, foreign):
        monkeypatch.setattr(module, "build", lambda **_: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    started: list[int] = []
    accept = Fleet._accept
    monkeypatch.setattr(Fleet, "_accept", lambda fleet, name, receipt: (started.append(receipt.pid), accept(fleet, name, receipt))[1])
    yield started
    assert started
    assert not any(fakes.alive(pid) for pid in started)
    assert not list(tmp_path.glob("concord-*/[!.]*"))
    with exclusive(tmp_path / "concord-measuring", "the next run"):
        pass


def ready(folder: Path, *arguments: str, matrix: str = MATRIX) -> Options:
    """Options of a run whose subject has been trained and exported."""
    (folder / "matrix.toml").write_text(matrix)
    where = [f"--{name}={folder / name}" for name in ("artifacts", "data", "reports")]
    parser = shared.parser("bench", "")
    options, _ = shared.parse(parser, ["--matrix", str(folder / "matrix.toml"), "--threads=1", *where, *arguments])
    return options


def trained(folder: Path, options: Options, **subject: object) -> None:
    made_subject = fakes.subject(folder, **subject)
    for backbone in options.backbone or ("resnet18",):
        asked = shared.asked(options, shared.select(options), "wings", backbone)
        if backbone != "resnet18":
            asked.folder(options.artifacts).symlink_to(folder / "artifacts/wings/resnet18")
        asked.point_to(options.artifacts, made_subject.folder.name)


def two_sets(tmp_path: Path, *arguments: str, **first: object) -> Options:
    """Options of a run over two data sets, both trained and exported, once. `first`: how the first of them is made."""
    both = MATRIX.replace('format = "wings" }', 'format = "wings" }, { name = "other", format = "wings" }')
    options = ready(tmp_path, "--dataset", "wings", "other", "--scenario", "latency", "--seconds", "0.2", *arguments, matrix=both)
    if (tmp_path / "other").exists():
        return options
    trained(tmp_path, options, **first)
    (tmp_path / "other").mkdir()
    subject = fakes.subject(tmp_path / "other", images=21)
    asked = shared.asked(options, shared.select(options), "other", "resnet18")
    asked.folder(options.artifacts).mkdir(parents=True)
    folder = subject.folder.rename(asked.folder(options.artifacts) / subject.folder.name)
    manifest.write(replace(subject.train, dataset="other"), folder / manifest.TRAIN)
    manifest.write(replace(subject.export, dataset="other"), folder / manifest.EXPORT)
    asked.point_to(options.artifacts, folder.name)
    return options
