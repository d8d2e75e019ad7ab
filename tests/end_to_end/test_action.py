"""action.yml's last step on real models: everything but the installation, which is there already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import yaml
from onnx import numpy_helper

from bench.results import Results
from contract import strict
from contract.layout import CHECKOUT
from tests.end_to_end.conftest import Chain

pytestmark = pytest.mark.slow
(STEP,) = [step for step in yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"] if "env" in step]


@pytest.fixture
def workspace(chain: Chain, tmp_path: Path) -> Path:
    """Two models and some images, as a repository would hold them; the second has one weight tensor changed by 1 %."""
    made = next(chain.folder.glob("artifacts/wings/resnet18/*/raw-dynamic.onnx"))
    folder = tmp_path / "workspace"
    (folder / "samples").mkdir(parents=True)
    for image in sorted(chain.folder.glob("data/wings-*/train/*.jpg"))[:20]:
        (folder / "samples" / image.name).write_bytes(image.read_bytes())
    (folder / "model.onnx").write_bytes(made.read_bytes())
    (folder / "reference.onnx").write_bytes(made.with_name("raw-static.onnx").read_bytes())
    changed = onnx.load(made)
    weights = changed.graph.initializer[0]
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * 1.01, weights.name))
    onnx.save(changed, folder / "changed.onnx")
    return folder


@pytest.mark.parametrize(("model", "code"), [("model.onnx", 0), ("changed.onnx", 1)])
def test_a_real_model_is_judged(workspace, tmp_path, model, code):
    temporary, bin_, output = tmp_path / "temp", tmp_path / "bin", tmp_path / "output"
    for script, text in (
        (bin_ / "uv", "#!/bin/sh\n"),
        (bin_ / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
        (temporary / "concord-venv" / "bin" / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
    ):
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text)
        script.chmod(0o755)
    given = {"ONNX": model, "REFERENCE": "reference.onnx", "IMAGES": "samples", "WITHOUT": "ort-rust"}
    assert {f"PARITY_{name}" for name in given} <= set(STEP["env"])
    runner = {
        "GITHUB_ACTION_PATH": str(CHECKOUT), "GITHUB_WORKSPACE": str(workspace), "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "RUNNER_TEMP": str(temporary), "PATH": f"{bin_}:{os.environ['PATH']}",
    }  # fmt: skip
    inputs = {f"PARITY_{name}": value for name, value in given.items()}
    done = subprocess.run(
        ["bash", "-e", "-c", STEP["run"]], env={**os.environ, **runner, **inputs}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    said = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert said["exit-code"] == str(code)
    results = strict.decode(Results, strict.loads((Path(said["report"]) / "results.json").read_text(), "results.json"), "results.json")
    assert [(row.variant, row.runtime, row.passed) for row in results.parity] == [(Path(model).stem, "ort-python", code == 0)]
    assert ("pass (exit code 0)" if code == 0 else "FAIL (exit code 1)") in (tmp_path / "summary.md").read_text()
