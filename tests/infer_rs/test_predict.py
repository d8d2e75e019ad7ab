"""`infer-rs` and `python -m infer_py` say the same: of images, in a table and in a picture, and of a file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.layout import CHECKOUT
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from infer_py import command, plot
from tests.infer_py.conftest import drawn_texts
from tests.infer_rs.conftest import CLASSES, Build

SPEC = PreprocessSpec(Shorter("shorter", 40), CenterCrop("center", 32, 32), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


def test_the_picture_has_the_numbers_of_infer_rs(
    binary: Path, library: Path, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model, images = build(SPEC), []
    for seed in range(3):
        images.append(str(tmp_path / f"{seed}.png"))
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(images[-1])
    drawn = drawn_texts(monkeypatch)
    assert command.main(["predict", str(model), *images, "--threads", "1", "--plot", str(tmp_path / "o.png")]) == 0
    said = subprocess.run(
        [str(binary), "--ort-lib", str(library), "--threads", "1", "predict", str(model), *images],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[1:]
    rows = [re.fullmatch(r".*?  \d+ +(.*?) +(\d\.\d{4})", line) for line in said]
    assert len(rows) == len(images) * len(CLASSES)
    letters = plot.font(None)
    expected = [(plot.fitted(row[1], letters, plot.NAME), row[2]) for row in rows if row]
    row = 1 + 2 * len(CLASSES)
    found = [drawn[start + 1 : start + row] for start in range(0, len(drawn), row)]
    assert [pair for texts in found for pair in zip(texts[::2], texts[1::2], strict=True)] == expected


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("count", [1, 3])
def test_a_terminal_is_told_how_far_many_images_are(binary: Path, library: Path, build: Build, tmp_path: Path, count: int):
    model, images = build(SPEC), [str(tmp_path / f"{number}.png") for number in range(count)]
    for path in images:
        Image.new("RGB", (50, 60)).save(path)
    rust = [str(binary), "--ort-lib", str(library), "--threads", "1"]
    for program in (rust, [sys.executable, "-m", "infer_py"]):
        ours, theirs = os.openpty()
        ran = subprocess.run([*program, "predict", str(model), *images], stdout=subprocess.PIPE, stderr=theirs, cwd=CHECKOUT, check=True)
        os.close(theirs)
        shown = b""
        while part := _left(ours):
            shown += part
        os.close(ours)
        assert shown == (b"\r0 of 3 images\r1 of 3 images\r2 of 3 images\r\x1b[K" if count == 3 else b"")
        assert ran.stdout.count(images[0].encode()) == 1


def _left(terminal: int) -> bytes:
    """What was written to a pseudo-terminal whose other side is closed: Linux says EIO at its end, where others say nothing."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_both_say_the_same_of_a_file(binary: Path, build: Build, capsys: pytest.CaptureFixture[str]):
    model = build(SPEC)
    assert command.main(["info", str(model), "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    found = json.loads(subprocess.run([str(binary), "info", str(model), "--json"], capture_output=True, check=True).stdout)
    for key in ("model", "sha256", "bytes", "producer", "opset", "nodes"):
        assert found[key] == expected[key], key
    for key in ("inputs", "outputs"):  # shapes and types are ONNX Runtime's to say, and `info` needs none in Rust
        assert [each["name"] for each in found[key]] == [each["name"] for each in expected[key]]
    assert tuple(found["labels"]) == CLASSES
    assert PreprocessSpec.from_json(found["metadata"]["concord.preprocess"]) == SPEC


def test_ten_thousand_classes(binary: Path, library: Path, build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    names = tuple(f"{number} </script> =cmd|' /C calc'!A0 \u202e {number}" for number in range(10_000))
    model, image = build(SPEC, classes=names), str(tmp_path / "image.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(image)
    asked = ["predict", str(model), image, "--top", "3", "--json", "--threads", "1"]
    assert command.main(asked) == 0
    ours = json.loads(capsys.readouterr().out)
    theirs = json.loads(subprocess.run([str(binary), "--ort-lib", str(library), *asked], capture_output=True, check=True).stdout)
    for one, other in zip(ours["images"][0]["top"], theirs["images"][0]["top"], strict=True):
        # 10,000 powers are summed in another order.
        assert one == {**other, "probability": pytest.approx(other["probability"], rel=1e-12)}
    assert len({each["class"] for each in ours["images"][0]["top"]} & set(names)) == 3
