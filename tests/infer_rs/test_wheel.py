"""The wheel of `nox -s wheel`, installed into an empty environment of a machine that has no Rust toolchain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from bench.build import search_path
from contract.layout import CHECKOUT
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from tests.infer_rs.conftest import Build
from tests.test_house import locked

CRATE = CHECKOUT / "infer_rs"
SPEC = PreprocessSpec(Shorter("shorter", 40), CenterCrop("center", 32, 32), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def wheel(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the binary that is built already: packing it takes a second."""
    maturin = shutil.which("maturin", path=search_path())
    for name, path in (("cargo", shutil.which("cargo")), ("maturin", maturin), ("uv", shutil.which("uv"))):
        if path is None:
            pytest.skip(f"{name} is not on PATH: the wheel cannot be made or installed")
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [str(maturin), "build", "--release", "--locked", "--manifest-path", str(CRATE / "Cargo.toml"), "--out", str(out)],
        env={**os.environ, "PATH": search_path()},
        capture_output=True,
        check=True,
    )
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    subprocess.run(["uv", "venv", "--quiet", "--offline", "--python", sys.executable, str(folder)], check=True)
    subprocess.run(["uv", "pip", "install", "--quiet", "--offline", "--no-index", "--python", str(folder), str(wheel)], check=True)
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(path)
    return path


def run(environment: Path, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The installed program, where neither cargo nor anything else of this machine is on PATH."""
    scripts = environment / "bin"
    return subprocess.run(
        [str(scripts / "infer-rs"), *map(str, words)],
        env={"PATH": str(scripts), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def packages(environment: Path) -> Path:
    """Its site-packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)}))


def test_help_and_info_need_no_library(environment: Path, build: Build):
    helped = run(environment, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "predict" in helped.stdout
    info = run(environment, "info", build(SPEC))
    assert info.returncode == 0
    assert "ADMIRAL" in info.stdout


def test_without_a_library_it_says_how_to_get_one(environment: Path, build: Build, image: Path):
    said = run(environment, "predict", build(SPEC), image)
    assert (said.returncode, said.stdout) == (3, "")
    for word in ("no onnxruntime wheel is installed beside infer-rs", "--ort-lib", "ORT_DYLIB_PATH", "install that wheel"):
        assert word in said.stderr


def test_it_answers_as_the_built_binary_with_a_named_library_and_with_one_beside_it(
    environment: Path, binary: Path, library: Path, build: Build, image: Path
):
    asked = ("predict", build(SPEC), image, "--json")
    command = [str(binary), "--ort-lib", str(library), *map(str, asked)]
    expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(expected)["images"][0]["top"]
    named = run(environment, "--ort-lib", library, *asked)
    assert (named.returncode, named.stdout) == (0, expected)
    by_variable = run(environment, *asked, ORT_DYLIB_PATH=str(library))
    assert (by_variable.returncode, by_variable.stdout) == (0, expected)
    beside = packages(environment) / "onnxruntime"
    beside.symlink_to(library.parent.parent)
    try:
        found = run(environment, *asked)
    finally:
        beside.unlink()
    assert (found.returncode, found.stdout) == (0, expected), found.stderr


def test_the_wheel_names_no_folder_of_this_machine_and_is_small(wheel: Path):
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", str(wheel)], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0].rpartition("/")[2] for line in listed.splitlines()[1:]]
    assert sorted(names) == ["METADATA", "RECORD", "WHEEL", "infer-rs"]
    assert wheel.stat().st_size < 5_000_000


def test_what_packs_it_is_the_locked_maturin():
    project = tomllib.loads((CRATE / "pyproject.toml").read_text(encoding="utf-8"))
    (wanted,) = map(Requirement, project["build-system"]["requires"])
    ((row, _),) = locked()[wanted.name]
    assert wanted.specifier.contains(str(row.specifier).removeprefix("=="))
