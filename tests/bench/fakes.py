"""Fakes: descriptors of fake runners, a subject with its files, a matrix over it, cells with samples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np

from bench import runtimes
from bench.ground import Build, Ground
from bench.measure import sentinel
from bench.parity import check, explain, orientation
from bench.runtimes import Descriptor
from bench.subject import Subject
from contract import artifact, manifest
from contract.errors import UsageError
from contract.manifest import Accuracy, ExportManifest, ImageEntry, TrainManifest, VariantFile, WeightsHad
from contract.matrix import Backbone, Cell, Dataset, Defaults, Matrix, Measure, Parity, Recipe, Runtime, Scenario, Variant
from contract.preprocess import PreprocessSpec
from tests.fake_runner import SIDE, SOURCE

CLASSES = ("RED ADMIRAL", "MONARCH", "ORACLE'S EYE — Ω")
RUNTIMES = ("torch-eager", "ort-python", "ort-rust")
VARIANTS = ("raw-static", "raw-dynamic", "sim-static", "sim-dynamic")
COMMIT = "6af1a932e"


def descriptor(name: str = "fake", fault: str | None = None, **environment: object) -> Descriptor:
    """A fake runner, with a fault or without. Environment: verb="time" is FAKE_RUNNER_VERB=time, and so on."""
    said = {"NAME": name, **({"FAULT": fault} if fault else {}), **{key.upper(): value for key, value in environment.items()}}
    # env(1) replaces itself by python: the process is the runner, as with the real ones.
    command = ["env", *(f"FAKE_RUNNER_{key}={value}" for key, value in said.items()), sys.executable, "-m"]
    program = "tests.faulty_runner" if fault else "tests.fake_runner"
    return Descriptor(name, lambda _: [*command, program], lambda: SOURCE, library=None if name == "torch-eager" else "onnxruntime")


def use(monkeypatch, **faulty: Descriptor) -> None:
    """Let bench start fake runners for all runtimes; `ort_rust=descriptor(...)` replaces one."""
    known = {name: descriptor(name, **({} if name == "torch-eager" else {"commit": COMMIT})) for name in RUNTIMES}
    known |= {name.replace("_", "-"): each for name, each in faulty.items()}
    monkeypatch.setattr(runtimes, "find", known.__getitem__)
    # Another program of this machine may steal CPU time from a test's round: what follows from that has a test of its own.
    monkeypatch.setattr(sentinel, "MOST_STOLEN", 1.0)
    # Fake files hold no graph: what is found in one without running it has tests of its own (tests/bench/blame).
    monkeypatch.setattr(check, "weights_differ", lambda *_: ())
    monkeypatch.setattr(explain, "blame_model", _no_graph)
    monkeypatch.setattr(orientation, "count", lambda paths: orientation.Orientations(len(paths), {}))  # nor are fake images files


def _no_graph(*_: object) -> NoReturn:
    raise UsageError("a fake file holds no graph")


def alive(pid: int) -> list[str]:
    """The state of each process of a group, zombies left out."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [state for pgid, state, *_ in rows if int(pgid) == pid and not state.startswith("Z")]


def weights(seed: int = 0, classes: int = len(CLASSES)) -> np.ndarray:
    """A fake model that tells random images apart: pixels average a half, so columns are centred."""
    made = np.random.default_rng(seed).standard_normal((3 * SIDE * SIDE, classes))
    return made - made.mean(axis=0)


def save_model(path: Path, matrix: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, matrix)


def subject(folder: Path, *, images: int = 24, change: Callable[[str, np.ndarray], np.ndarray] = lambda _, matrix: matrix) -> Subject:
    """A subject with all its files below `folder`; `change(variant, weights)` makes a variant differ from the checkpoint."""
    data, made = folder / "data", folder / "artifacts" / "wings" / "resnet18" / "0123abcd"
    data.mkdir(parents=True)
    made.mkdir(parents=True)
    random = np.random.default_rng(1)
    entries = []
    for number in range(images):
        path = data / f"{number}.jpg"
        path.write_bytes(random.integers(0, 250, 3 * SIDE * SIDE, dtype=np.uint8).tobytes())
        entries.append(ImageEntry(path.name, number % len(CLASSES), artifact.sha256_file(path)))
    (made / "classes.json").write_text(json.dumps(CLASSES))
    save_model(made / "weights.npy", weights())
    save_model(made / manifest.CHECKPOINT, weights())
    for name in VARIANTS:
        save_model(made / f"{name}.onnx", change(name, weights()))
    subject = Subject(made, train_manifest(made, data, entries), export_manifest(made))
    manifest.write(subject.train, made / manifest.TRAIN)
    manifest.write(subject.export, made / manifest.EXPORT)
    return subject


def train_manifest(made: Path, data: Path, entries: list[ImageEntry]) -> TrainManifest:
    return TrainManifest(
        dataset="wings", backbone="resnet18", config=made.name, task="classify", root=str(data), classes=CLASSES,
        preprocess=PreprocessSpec(None, None, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        weights=WeightsHad(("DEFAULT", "random"), "random", None, None), recipe={"name": "quick"}, seed=0, device="cpu",
        metrics={"test": Accuracy(20, 24, 0.6, 0.9)}, distinct_predictions=3, best_epoch=1, seconds=1.0, split={"test": tuple(entries)},
        skipped=(), notes=(), versions={}, source="5a", inputs="5a",
        files={manifest.CHECKPOINT: artifact.sha256_file(made / manifest.CHECKPOINT)},
    )  # fmt: skip


def export_manifest(made: Path) -> ExportManifest:
    files = {f"{name}.onnx": artifact.sha256_file(made / f"{name}.onnx") for name in VARIANTS}
    variants = tuple(
        VariantFile(
            name, f"{name}.onnx", files[f"{name}.onnx"], 512, name.startswith("sim"), name.rpartition("-")[2], 20, 20, {"Conv": 20},
            {"Conv": 21}, f"hash of {name.rpartition('-')[2]}", changed_nothing=False, checker="full", max_difference={}, seconds=0.1,
        )
        for name in VARIANTS
    )  # fmt: skip
    checkpoint = artifact.sha256_file(made / manifest.CHECKPOINT)
    return ExportManifest("wings", "resnet18", made.name, checkpoint, variants, (), (), {}, "5a", "5a", 1.0, files)


def ground() -> Ground:
    build = Build("1.0", COMMIT, "00" * 32, SOURCE, "none", {"affinity": "0-1"}, {})
    return Ground("a CPU", "5a", 2, None, "Linux", 1, "5a", {"raw-dynamic": "00" * 32}, dict.fromkeys(RUNTIMES, build))


def matrix(
    *, variants: tuple[str, ...] = VARIANTS, scenarios: tuple[str, ...] = ("latency", "throughput"), images: int = 300, **measure: float
) -> Matrix:
    """A matrix of one data set and backbone, and small budgets."""
    return Matrix(
        Defaults(("wings",), ("resnet18",), variants, RUNTIMES, scenarios, device="cpu"),
        dataset=(Dataset("wings", "wings"),),
        backbone=(Backbone("resnet18", "classify", ("random",), {"cpu": "quick"}),),
        recipe=(Recipe("quick", "all", epochs=1),),
        variant=tuple(Variant(name, name.startswith("sim"), "static" if "static" in name else "dynamic") for name in VARIANTS),
        runtime=tuple(Runtime(name) for name in RUNTIMES),
        scenario=(
            Scenario("latency", "latency"),
            Scenario("throughput", "throughput", 8),
            Scenario("load", "load", variant=("raw-dynamic",)),
            Scenario("e2e", "e2e", variant=("raw-dynamic",)),
        ),
        parity=Parity(images=images, seconds=60),
        measure=Measure(**{"seconds": 1.0, "restarts": 1, "equivalent": 0.01} | measure),
    )


def cell(variant: str = "raw-dynamic", runtime: str = "ort-python", scenario: str = "latency", batch: int = 1, **other: str) -> Cell:
    named = {"dataset": "wings", "backbone": "resnet18", "provider": "cpu"} | other
    return Cell(named["dataset"], named["backbone"], variant, runtime, named["provider"], scenario, batch)
