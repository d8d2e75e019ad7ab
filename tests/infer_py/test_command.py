"""`python -m infer_py`: tables, JSON, exit codes; and what it may not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contract.errors import DataError, UsageError
from contract.layout import CHECKOUT
from infer_py import command
from tests.infer_py.conftest import Build, card


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "infer_py", *map(str, words)], cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_predict_prints_a_table(build: Build, photo: Path, capsys: pytest.CaptureFixture[str]):
    assert command.main(["predict", str(build()), str(photo), "--top", "2", "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["image", "top", "class", "probability"]
    assert len(lines) == 3
    assert lines[1].split()[-2] in {"ADONIS", "ORACLE", "ZEBRA"}


def test_predict_prints_json(build: Build, photo: Path, capsys: pytest.CaptureFixture[str]):
    assert command.main(["predict", str(build()), str(photo), str(photo), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["images"]) == 2
    assert sum(guess["probability"] for guess in found["images"][0]["top"]) == pytest.approx(1)


def test_paths_are_relative_to_where_the_user_stood(
    build: Build, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CONCORD_USER_FOLDER", str(photo.parent))
    assert command.main(["predict", build().name, photo.name]) == 0
    assert "photo.jpg" in capsys.readouterr().out


def test_one_bad_image_does_not_cost_the_others(build: Build, photo: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(DataError, match="no such image"):
        command.main(["predict", str(build()), str(photo), "none.jpg"])
    assert "photo.jpg" in capsys.readouterr().out


def test_several_bad_images_are_all_named(build: Build, photo: Path, capsys: pytest.CaptureFixture[str]):
    (photo.parent / "text.jpg").write_text("no")
    with pytest.raises(DataError, match=r"(?s)none\.jpg.*text\.jpg"):
        command.main(["predict", str(build()), "none.jpg", str(photo.parent / "text.jpg")])


def test_info_says_what_the_file_says(build: Build, capsys: pytest.CaptureFixture[str]):
    assert command.main(["info", str(build())]) == 0
    text = capsys.readouterr().out
    for word in ("ADONIS", "raw-dynamic", "shorter", '"ai.onnx":20', '"Conv":1', "[null,3,32,32]"):
        assert word in text


def test_info_of_a_foreign_file(build: Build, capsys: pytest.CaptureFixture[str]):
    assert command.main(["info", str(build(card=None)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["card"]["labels"] is None


@pytest.mark.parametrize("words", [["predict"], ["guess"], [], ["predict", "m.onnx", "a.jpg", "--top", "0"], ["serve", "--port", "1"]])
def test_wrong_usage(words: list[str]):
    with pytest.raises(UsageError):
        command.main(words)


def test_a_foreign_model_says_what_it_lacks(build: Build, photo: Path):
    with pytest.raises(DataError, match=r"concord\.preprocess"):
        command.main(["predict", str(build(card=None)), str(photo)])


def test_exit_codes_and_no_traceback(build: Build, photo: Path, tmp_path: Path):
    corrupt = tmp_path / "corrupt.onnx"
    corrupt.write_bytes(build().read_bytes()[:-200])
    cases = {
        0: ("predict", build(), photo),
        2: ("predict", build()),
        3: ("predict", build(), photo, "--provider", "cuda"),
        4: ("predict", corrupt, photo),
    }
    for code, words in cases.items():
        done = run(*words)
        if code == 3 and done.returncode == 0:
            continue  # a machine that has CUDA
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert (code == 0) == ("error: " not in done.stderr)


def test_with_json_stdout_is_one_document_whatever_happens(build: Build, photo: Path, tmp_path: Path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    some = run("predict", build(), photo, bad, "--json")
    assert (some.returncode, ["error" in each for each in json.loads(some.stdout)["images"]]) == (4, [False, True])
    none = run("predict", tmp_path / "none.onnx", photo, "--json")
    assert (none.returncode, json.loads(none.stdout)["error"]["kind"]) == (4, "data")


def fresh(code: str) -> str:
    """The last line that a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_help_does_not_wait_for_onnx_runtime():
    code = """
import sys
from infer_py import command
try:
    command.main(["--help"])
except SystemExit:
    print("onnxruntime" in sys.modules)
"""
    assert fresh(code) == "False"


def test_no_torch_anywhere_in_a_fresh_interpreter():
    code = """
import importlib, pkgutil, sys
import infer_py
for found in pkgutil.iter_modules(infer_py.__path__):
    importlib.import_module(f"infer_py.{found.name}")
foreign = ("torch", "torchvision", "onnx", "rich", "scipy", "train", "export", "bench")
print([name for name in foreign if name in sys.modules])
"""
    assert fresh(code) == "[]"


def test_the_card_of_the_fixture_has_every_key_that_a_concord_file_carries():
    assert set(card().to_metadata()) == {
        "concord.format", "concord.task", "concord.labels", "concord.preprocess", "concord.variant", "concord.checkpoint",
        "concord.weights", "concord.versions",
    }  # fmt: skip
