"""docs/adding-a-runtime.md, and the descriptor of its example."""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from bench import runtimes
from bench.checkup import cure
from bench.runner import Runner
from bench.runtimes import openvino
from contract.errors import EnvironmentFault
from contract.layout import CHECKOUT
from contract.matrix import load

DOCUMENT = (CHECKOUT / "docs" / "adding-a-runtime.md").read_text(encoding="utf-8")


def test_it_is_one_more_runtime_that_is_not_in_the_default_matrix():
    matrix = load(CHECKOUT / "matrix.toml")
    assert "openvino" in {runtime.name for runtime in matrix.runtime}
    assert "openvino" not in matrix.defaults.runtime
    assert runtimes.find("openvino").name == "openvino"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_without_the_package_the_run_stops_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(EnvironmentFault, match="the package openvino is not installed") as caught:
        Runner(runtimes.find("openvino"), ("cpu",), tmp_path / "log")
    by_hand = f"uv pip install --python .venv openvino=={openvino.RELEASE} # the lock leaves this platform out"
    assert caught.value.next == {"x86_64": cure.sync(), "aarch64": by_hand}[machine]


def test_pyproject_asks_for_the_release_that_the_descriptor_names_and_on_its_platforms():
    asked = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    assert not any("openvino" in text for text in asked["project"]["dependencies"])
    (text,) = [text for text in asked["dependency-groups"]["dev"] if text.startswith("openvino")]
    wanted = Requirement(text)
    assert str(wanted.specifier) == f"=={openvino.RELEASE}"
    assert wanted.marker is not None
    every = {(system, machine) for system in ("linux", "darwin", "win32") for machine in ("x86_64", "aarch64", "arm64", "AMD64", "ARM64")}
    on = {pair for pair in every if wanted.marker.evaluate(dict(zip(("sys_platform", "platform_machine"), pair, strict=True)))}
    assert on == openvino.LOCKED


def test_with_it_the_program_is_started(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(name=name))
    assert openvino.command(("cpu",)) == [sys.executable, "-m", "docs.examples.openvino_runner"]


def test_its_hash_covers_the_program_and_what_it_shares_with_ort_python(monkeypatch: pytest.MonkeyPatch):
    covered: list[str] = []
    monkeypatch.setattr(openvino, "package_hash", lambda *names: covered.extend(names) or "")
    runtimes.find("openvino").source()
    assert covered == ["docs/examples/openvino_runner", "infer_py", "contract"]
    assert all(list((CHECKOUT / name).glob("*.py")) for name in covered)


def test_which_runtimes_owe_each_other_a_version():
    assert runtimes.library("ort-python") == runtimes.library("ort-rust") == "onnxruntime"
    assert [runtimes.library(name) for name in ("openvino", "torch-eager", "gone")] == ["openvino", "torch-eager", "gone"]


@pytest.mark.parametrize(("path", "code"), re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)```", DOCUMENT, re.MULTILINE | re.DOTALL))
def test_the_document_shows_what_the_files_say(path: str, code: str):
    said = re.sub(r" +#.*", "", (CHECKOUT / path).read_text(encoding="utf-8"))
    assert code in said


def test_the_document_installs_the_release_that_the_descriptor_names():
    assert re.findall(r"openvino==(\S+)", DOCUMENT) == [openvino.RELEASE]
    assert DOCUMENT.count("```") == 4
    links = re.findall(r"\]\(([^)]+)\)", DOCUMENT)
    assert [link for link in links if not (CHECKOUT / "docs" / link).exists()] == []
