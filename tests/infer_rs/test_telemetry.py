"""Neither program lets ONNX Runtime post that it runs: nothing is written into the home folder, and no thread is left for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from contract.layout import CHECKOUT
from contract.telemetry import DISABLE
from tests.infer_rs.conftest import Build
from tests.infer_rs.test_predict import SPEC

# Where one of these is set ONNX Runtime keeps quiet by itself.
QUIET = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "JENKINS_URL", DISABLE)


@pytest.mark.parametrize("program", ["infer_py", "infer-rs", "the bare wheel"])
def test_nothing_is_written_at_home(program: str, binary: Path, library: Path, build: Build, tmp_path: Path):
    home, image = tmp_path / "home", str(tmp_path / "image.png")
    home.mkdir()
    Image.new("RGB", (50, 60)).save(image)
    asked = ["predict", str(build(SPEC)), image]
    command = {
        "infer_py": [sys.executable, "-m", "infer_py", *asked],
        "infer-rs": [str(binary), "--ort-lib", str(library), *asked],
        "the bare wheel": [sys.executable, "-c", "import onnxruntime"],
    }[program]
    env = {name: value for name, value in os.environ.items() if name not in QUIET} | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    subprocess.run(command, cwd=CHECKOUT, env=env, check=True, capture_output=True, timeout=60)
    written = [path.name for path in home.rglob("*") if path.is_file()]
    if program == "the bare wheel" and not written:
        pytest.skip("this onnxruntime has no telemetry: there is nothing to keep quiet")
    assert bool(written) == (program == "the bare wheel"), written
