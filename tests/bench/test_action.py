"""action.yml as a runner carries it out: its `run` lines by the real bash, a `python` and a `uv` that record their argv first on PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bench import action
from contract import options
from contract.layout import CHECKOUT

if shutil.which("bash") is None:
    pytest.skip("no bash: the steps of action.yml are bash lines", allow_module_level=True)

ACTION = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
STEPS = [step for step in ACTION["runs"]["steps"] if "run" in step]
# Records its arguments, each ended by NUL; `python -m bench.action` is the program under test and runs.
PYTHON = """#!/bin/bash
printf '%s\\0' python "$@" '' >> "$RECORD"
if [ "$1 $2" = "-m bench.action" ]; then exec {python} "$@"; fi
"""
# `uv venv … DIR` leaves a python there that records, writes a report and exits as it is told.
UV = """#!/bin/bash
printf '%s\\0' uv "$@" '' >> "$RECORD"
if [ "$1" = venv ]; then
  mkdir -p "${@: -1}/bin"
  printf '%s' "$JUDGE" > "${@: -1}/bin/python"
  chmod +x "${@: -1}/bin/python"
fi
exit "$UV_CODE"
"""
JUDGE = """#!/bin/bash
printf '%s\\0' judge "$@" '' >> "$RECORD"
echo "in $PWD for $CONCORD_USER_FOLDER"
if [ -n "$REPORT" ]; then reports="${@: -1}"; mkdir -p "${reports#--reports=}/run1"; ln -s run1 "${reports#--reports=}/latest"; fi
exit "$CODE"
"""
GOOD = {"onnx": "model.onnx", "reference": "torchvision:resnet18", "images": "samples"}
HOSTILE = (
    "with space", "$(touch pwned)", "`touch pwned`", "; touch pwned", "a\nb: c\n", "a'b\"c\\", "--force", "-x", "*", "$HOME", "%s", "~",
    "ü \t|&<>",
)  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What a use of the action came to."""

    code: int
    said: str
    calls: list[list[str]]
    outputs: dict[str, str]
    folder: Path


@pytest.fixture
def use(tmp_path: Path):
    """Carry out the action's steps with these inputs, as a runner does."""

    def used(inputs: dict[str, str], *, code: int = 0, uv_code: int = 0, report: bool = True) -> Ran:
        bin_ = tmp_path / "bin"
        bin_.mkdir(exist_ok=True)
        for name, text in (("python", PYTHON.replace("{python}", sys.executable)), ("uv", UV)):
            (bin_ / name).write_text(text)
            (bin_ / name).chmod(0o755)
        for name in ("temp", "workspace"):
            (tmp_path / name).mkdir(exist_ok=True)
        record, output = tmp_path / "record", tmp_path / "output"
        record.write_bytes(b"")
        output.write_text("")
        runner = {
            "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "GITHUB_ACTION_PATH": str(CHECKOUT),
            "GITHUB_WORKSPACE": str(tmp_path / "workspace"),
            "GITHUB_OUTPUT": str(output),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "RECORD": str(record),
            "JUDGE": JUDGE,
            "CODE": str(code),
            "UV_CODE": str(uv_code),
            "REPORT": "yes" if report else "",
        }
        said, ended = "", 0
        for step in STEPS:
            script = tmp_path / "step.sh"
            script.write_text(step["run"])
            env = runner | {name: filled(value, inputs) for name, value in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
                cwd=tmp_path / "workspace",
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            said, ended = said + done.stdout + done.stderr, done.returncode
            if ended != 0:
                break
        calls = [call.split("\0") for call in record.read_text().removesuffix("\0\0").split("\0\0")]
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return Ran(ended, said, calls, outputs, tmp_path)

    return used


def filled(value: str, inputs: dict[str, str]) -> str:
    """An env entry is one input and nothing else."""
    (name,) = re.fullmatch(r"\$\{\{ inputs\.([a-z]+) \}\}", value).groups()
    return inputs.get(name, ACTION["inputs"][name].get("default", ""))


def test_what_is_called(use):
    ran = use(GOOD | {"preset": "DEFAULT"})
    assert ran.code == 0, ran.said
    pip, begun, venv, sync, judged = ran.calls
    assert pip == ["python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", f"{CHECKOUT}/requirements/uv.txt"]
    assert begun == ["python", "-m", "bench.action"]
    made = ran.folder / "temp" / "concord-venv"
    assert venv[:3] == ["uv", "venv", "--quiet"]
    assert venv[-1] == str(made)
    assert sync == ["uv", "pip", "sync", "--quiet", "--require-hashes", f"--python={made}/bin/python", f"{CHECKOUT}/requirements/all.txt"]
    reports = judged.pop()
    assert judged == [
        "judge", "-m", "bench", "parity", "--onnx=model.onnx", "--reference=torchvision:resnet18", "--images=samples", "--preset=DEFAULT",
    ]  # fmt: skip
    report = Path(ran.outputs["report"])
    assert ran.outputs == {"exit-code": "0", "report": str(report)}
    assert (reports, report.name) == (f"--reports={report.parent}", "run1")
    assert f"in {CHECKOUT} for {ran.folder}/workspace" in ran.said


@pytest.mark.parametrize("value", HOSTILE)
def test_an_input_reaches_the_command_as_it_is_and_as_one_argument(use, value):
    inputs = {name: f"{value}{number}" if name in GOOD else value for number, name in enumerate(action.INPUTS)}
    ran = use(inputs)
    assert ran.code == 0, ran.said
    judged = next(call for call in ran.calls if call[0] == "judge")
    assert judged[4:-1] == [f"--{name}={inputs[name]}" for name in action.INPUTS]
    assert not list(ran.folder.rglob("pwned"))
    assert not (CHECKOUT / "pwned").exists()


def test_the_command_understands_what_it_is_given_as_values(use, monkeypatch):
    inputs = dict.fromkeys(action.INPUTS, "--force")
    monkeypatch.setattr(sys, "argv", ["bench", "parity", *action.arguments({f"PARITY_{k.upper()}": v for k, v in inputs.items()})])
    seen = []

    def parsed(made, argv):
        seen.append(made.parse_args(argv))
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "parse", parsed)
    from bench.__main__ import main

    with pytest.raises(KeyboardInterrupt):
        main()
    (raw,) = seen
    assert (raw.onnx, raw.weights, raw.without) == (["--force"], ["--force"], ["--force"])
    assert (raw.reference, raw.images, raw.preset, raw.spec, raw.output, raw.claim) == ("--force",) * 6
    assert raw.force is False


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_the_exit_code_is_the_one_of_the_gate(use, code):
    ran = use(GOOD, code=code, report=code == 1)
    assert ran.code == code
    assert ran.outputs["exit-code"] == str(code)
    assert bool(ran.outputs["report"]) is (code == 1)


def test_nothing_printed_by_the_gate_is_a_workflow_command(use):
    said = use(GOOD).said
    (token,) = re.findall(r"^::stop-commands::([0-9a-f]{32})$", said, re.MULTILINE)
    assert re.search(rf"^::stop-commands::{token}\nin .*\n::{token}::$", said, re.MULTILINE)
    assert token not in use(GOOD).said


@pytest.mark.parametrize("name", GOOD)
def test_an_empty_input_is_refused_before_anything_is_installed(use, name):
    ran = use(GOOD | {name: ""})
    assert ran.code == 2
    assert f"the input '{name}' is empty" in ran.said
    assert [call[0] for call in ran.calls] == ["python", "python"]


def test_a_failed_installation_is_no_judgement(use):
    ran = use(GOOD, uv_code=1)
    assert ran.code == 3
    assert "uv venv failed with exit code 1" in ran.said
    assert ran.outputs == {}


def test_a_second_use_in_a_job_finds_the_environment(use):
    use(GOOD)
    assert [call[1] for call in use(GOOD).calls if call[0] == "uv"] == ["pip"]


def test_it_starts_before_anything_is_installed():
    done = subprocess.run([sys.executable, "-S", "-c", "import bench.action"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert action.USER_FOLDER == options.USER_FOLDER


def test_no_line_of_shell_holds_an_expression_and_every_action_is_pinned():
    assert [step["run"] for step in STEPS if "${{" in step["run"]] == []
    assert [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step and not re.search(r"@[0-9a-f]{40}$", step["uses"])] == []
    assert {name for name, entry in ACTION["inputs"].items() if entry["required"]} == set(action.REQUIRED)
    assert set(ACTION["inputs"]) == set(action.INPUTS)


def test_uv_is_locked_by_its_hash():
    lines = [line for line in (CHECKOUT / "requirements" / "uv.txt").read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+ \\", lines[0])
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])


def test_zizmor_finds_nothing():
    zizmor = shutil.which("zizmor", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if zizmor is None:
        pytest.skip("zizmor is not installed; next: pip install zizmor")
    files = ["action.yml", ".github/workflows/ci.yml"]
    done = subprocess.run(
        [zizmor, "--offline", "--persona=pedantic", "--min-severity=low", *files], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
