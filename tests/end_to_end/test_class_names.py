"""Class names that would be markup, formulas, paths or control characters elsewhere, and very many: trained, exported, read back."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from bench.runtimes import ort_rust
from contract import manifest
from contract.card import Card
from contract.errors import GOOD
from contract.manifest import LABELS, TRAIN, ExportManifest, TrainManifest
from export import step as exporting
from export.build import build
from export.workshop import Workshop
from infer_py import command
from tests.export import trained
from tests.export.conftest import VARIANTS, job
from tests.train import stepping, tiny
from train import __main__ as training
from train.data.found import Checked, Listed, class_order
from train.data.split import split
from train.write import labels_json

pytestmark = pytest.mark.slow
HOSTILE = (
    "</script><script>alert(1)</script>", "[/]", "[bold]b[/bold]", "{{ 7 * 7 }}", "$\\frac{a}$", "%s%n", "\\u0041", '"', "'; DROP",
    "=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "-1", "0", "nan", "null",
    "../../x", "a/b", "C:\\x", "CON", "~", "-rf",
    "\u202egpj.exe", "two\nlines", "two\r\nlines", "tab\tbed", "nul\0nul", "\x1b[31mred", "\x7f", "\u2028", "\ufeffmark", " spaced ",
    "é", "e\u0301", "cat", "CAT", "𝄞", "x" * 5000,
)  # fmt: skip
MANY = 10_000
# After the defaults of stepping's matrix: a minute of training shows of names what a second does.
SHORT = """
[[recipe]]
name = "short"
train = "head"
head_epochs = 1
[[variant]]
name = "raw-dynamic"
simplify = false
batch = "dynamic"
[[variant]]
name = "sim-static"
simplify = true
batch = "static"
[[scenario]]
name = "latency"
kind = "latency"
"""


@dataclass(frozen=True)
class Made:
    """A trained and exported data set: train.json, the folder of its artifacts, and what both steps printed."""

    trained: TrainManifest
    folder: Path
    said: str


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A data set whose classes are HOSTILE, through `python -m train` and `python -m export` in this process."""
    home, threads = tmp_path_factory.mktemp("hostile"), torch.get_num_threads()
    draw(home / "set", HOSTILE, each=4)
    (home / "matrix.toml").write_text(stepping.MATRIX + stepping.RUNTIME + SHORT)
    words = ["--matrix", str(home / "matrix.toml"), "--root", str(home / "set"), "--threads", "1", "--recipe", "short"]
    words += ["--variant", "raw-dynamic", "sim-static"]
    words += [word for name in ("artifacts", "data", "reports") for word in (f"--{name}", str(home / name))]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", *words])
        assert training.main() == GOOD
        assert exporting.main(words) == GOOD
    torch.use_deterministic_algorithms(mode=False)
    torch.set_num_threads(threads)
    (path,) = home.glob(f"artifacts/*/*/*/{TRAIN}")
    return Made(manifest.read_verified(TrainManifest, path, ""), path.parent, said.getvalue())


def draw(root: Path, classes: tuple[str, ...], each: int) -> None:
    """Images of noise, no two alike, and their CSV."""
    (root / "train").mkdir(parents=True)
    rows = [("filename", "label")]
    for number in range(each * len(classes)):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "train" / f"{number}.png")
        rows.append((f"{number}.png", classes[number % len(classes)]))
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def rust(*words: str) -> str:
    """What infer-rs prints."""
    if not ort_rust.BINARY.is_file():
        pytest.skip("infer_rs/target/release/infer-rs is not built: nox -s build")
    done = subprocess.run([str(ort_rust.BINARY), "--ort-lib", str(ort_rust.library()), *words], capture_output=True, check=True)
    return done.stdout.decode()


def python(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What infer_py prints."""
    capsys.readouterr()
    assert command.main(list(words)) == GOOD
    return capsys.readouterr().out


def test_names_are_trained_as_they_are_written(hostile: Made):
    assert hostile.trained.classes == tuple(sorted(HOSTILE))
    written = json.loads((hostile.folder / LABELS).read_text(encoding="utf-8"))
    assert written["class_to_int"] == {name: number for number, name in enumerate(hostile.trained.classes)}
    assert written["int_to_class"] == {str(number): name for number, name in enumerate(hostile.trained.classes)}


def test_no_terminal_obeys_a_name(hostile: Made):
    assert all(line.isprintable() for line in hostile.said.split("\n"))


@pytest.mark.parametrize("variant", ["raw-dynamic", "sim-static"])
def test_the_file_has_them_for_python(hostile: Made, variant: str, capsys: pytest.CaptureFixture[str]):
    model = hostile.folder / f"{variant}.onnx"
    assert of_file(model) == hostile.trained.classes
    assert tuple(json.loads(python(capsys, "info", str(model), "--json"))["card"]["labels"]) == hostile.trained.classes
    assert all(line.isprintable() for line in python(capsys, "info", str(model)).split("\n"))


def of_file(model: Path) -> tuple[str, ...] | None:
    """The names as the package onnx reads them."""
    return Card.from_metadata({entry.key: entry.value for entry in onnx.load(model).metadata_props}, "model").labels


@pytest.mark.parametrize("variant", ["raw-dynamic", "sim-static"])
def test_the_file_has_them_for_rust(hostile: Made, variant: str):
    model = hostile.folder / f"{variant}.onnx"
    assert tuple(json.loads(rust("info", str(model), "--json"))["labels"]) == hostile.trained.classes
    assert all(line.isprintable() for line in rust("info", str(model)).split("\n"))


def test_both_answer_with_the_same_names(hostile: Made, capsys: pytest.CaptureFixture[str]):
    model, image = str(hostile.folder / "raw-dynamic.onnx"), str(Path(hostile.trained.root) / "train" / "0.png")
    asked = ["predict", model, image, "--top", str(len(HOSTILE)), "--threads", "1"]
    said = [rust(*asked, "--json"), python(capsys, *asked, "--json")]
    ours, theirs = ([(each["index"], each["class"]) for each in json.loads(text)["images"][0]["top"]] for text in said)
    assert ours == theirs
    assert dict(ours) == dict(enumerate(hostile.trained.classes))
    assert all(line.isprintable() for text in (rust(*asked), python(capsys, *asked)) for line in text.split("\n"))


def test_ten_thousand_classes_are_found_and_split():
    names = [f"class {number}" for number in range(MANY)]
    classes = class_order([Listed(f"{name}.png", name) for name in names], "labels.csv")
    assert classes == tuple(sorted(names))
    images = [Checked(f"{name}/{number}.png", name, "", f"{name} {number}") for name in names for number in range(3)]
    made = split(images, classes, (0.5, 0.25, 0.25), seed=0)
    assert list(made.parts) == ["train", "val", "test"]
    assert all({entry.label for entry in part} == set(range(MANY)) for part in made.parts.values())
    written = json.loads(labels_json(classes))
    assert [written["int_to_class"][str(number)] for number in range(MANY)] == sorted(names, key=written["class_to_int"].__getitem__)


def test_ten_thousand_classes_are_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Not trained: an epoch over an image of each is a minute."""
    classes = tuple(sorted(f"{HOSTILE[number % len(HOSTILE)][:40]} {number}" for number in range(MANY)))
    torch.manual_seed(0)
    model = trained.calibrated(tiny.Tiny(MANY))
    made = trained.write(tmp_path / "0123abcd", "tiny", model, tmp_path / "images", classes=classes)
    with Workshop() as workshop:
        done = build(job(tmp_path / "0123abcd", made, VARIANTS[1::2]), lambda _: model, workshop, 1, "source")
    assert isinstance(done, ExportManifest)
    assert [(entry.name, entry.nodes == {}) for entry in done.variants] == [("raw-dynamic", False), ("sim-dynamic", False)]
    for entry in done.variants:
        path = tmp_path / "0123abcd" / entry.file
        assert of_file(path) == classes
        assert tuple(json.loads(python(capsys, "info", str(path), "--json"))["card"]["labels"]) == classes
        assert tuple(json.loads(rust("info", str(path), "--json"))["labels"]) == classes
