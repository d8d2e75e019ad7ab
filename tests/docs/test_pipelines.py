"""Every pipeline of a page is run by a shell as it is written: quotes, printf's format and the replies are those that a reader gets."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract import protocol, strict
from contract.errors import GOOD
from contract.layout import CHECKOUT
from tests.docs import reading

PIPELINES = [
    pytest.param(line, id=f"{page.name}:{number}")
    for page in reading.pages()
    for number, line in reading.pipelines(page.name, page.read_text(encoding="utf-8"))
    if not line.endswith("| source")  # fish's: tests/test_shells.py types it there
]
RUNNER, PACKAGE = "docs.examples.openvino_runner", "openvino"


def ran(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The line, typed where .venv is; it fails where any of its programs does."""
    bash = shutil.which("bash")
    if bash is None or sys.platform == "win32":
        pytest.skip("there is no bash, or no .venv/bin")
    (folder / ".venv").symlink_to(sys.prefix)
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    command = [bash, "-o", "pipefail", "-c", line]
    env = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def answered(line: str, done: subprocess.CompletedProcess[str]) -> list[str]:
    """The verbs of the requests on the line, each with a good reply. Raises AssertionError."""
    assert done.returncode == GOOD, done.stderr
    assert "Traceback" not in done.stderr
    requests = [protocol.decode_request(word)[0] for word in shlex.split(line) if word.startswith("{")]
    for request, reply in zip(requests, done.stdout.splitlines(), strict=True):
        assert not isinstance(protocol.decode_reply(reply, request), protocol.Failure), reply
    return [request.verb for request in requests]


def test_there_is_one():
    assert len(PIPELINES) == 1, "another one has another meaning, and needs a test of its own"


@pytest.mark.parametrize("line", PIPELINES)
def test_a_pipeline_does_what_its_page_says(line, tmp_path):
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip(f"the package {PACKAGE} is not installed: docs/adding-a-runtime.md")
    assert answered(line, ran(line, tmp_path)) == ["hello", "quit"]


@pytest.mark.parametrize("line", PIPELINES)
def test_any_runner_answers_what_it_says(line, tmp_path):
    """With the runner that is always installed in the place of the page's."""
    assert line.count(RUNNER) == 1
    line = line.replace(RUNNER, "infer_py serve")
    assert answered(line, ran(line, tmp_path)) == ["hello", "quit"]


@pytest.mark.parametrize(("right", "wrong"), [("3}", "2}"), ("%s\\n", "%s"), ("-m", "-n"), ('"seq":2', '"seq":"2"')])
def test_a_slip_is_found(right, wrong, tmp_path):
    (line,) = (each.values[0].replace(RUNNER, "infer_py serve") for each in PIPELINES)
    assert right in line
    with pytest.raises((AssertionError, ValueError, strict.StrictError)):
        answered(line, ran(line.replace(right, wrong), tmp_path))
