"""House rules that a machine can check over all tracked files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contract.layout import CHECKOUT
from tests import sessions

if shutil.which("git") is None or not (CHECKOUT / ".git").exists():
    pytest.skip("not a git checkout: nothing says which files are ours", allow_module_level=True)

LONGEST, LONGEST_README = 300, 200
# Longer than LONGEST, each with its reason.
LONG: dict[str, str] = {}


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()]


def places() -> list[str]:
    """Folders of this machine that no file may name: the checkout, what it lies in, and home."""
    general = {Path("/"), Path(tempfile.gettempdir()), Path("/home"), Path("/Users")}
    return sorted({f"{path}/" for path in (CHECKOUT, CHECKOUT.parent, Path.home()) if path not in general})


def hosts() -> list[str]:
    """Hosts of package registries: the public ones, and what this machine is set up to use."""
    known = ["pypi" + ".org", "python" + "hosted.org", "crates" + ".io"]
    given = (os.environ.get(name, "") for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"))
    return sorted({*known, *(host for url in given if (host := urlsplit(url).hostname) and host != "localhost")})


def found(patterns: list[str], names: list[str]) -> list[str]:
    hits = []
    for name in names:
        text = (CHECKOUT / name).read_bytes()
        hits += [f"{name}: {pattern}" for pattern in patterns if re.search(pattern.encode(), text)]
    return hits


def test_no_file_names_a_place_on_this_machine():
    assert found([re.escape(place) for place in places()], tracked()) == []


def test_no_file_names_a_package_registry():
    # Which registry to use is the user's setting. Cargo writes its own into its lock file; `…-index` is that registry's identity.
    patterns = [re.escape(host) + r"(?!-index)" for host in hosts()]
    names = [name for name in tracked() if name != "infer_rs/Cargo.lock"]
    assert found(patterns, names) == []


def test_the_search_finds_what_it_looks_for(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_house.CHECKOUT", tmp_path)
    (tmp_path / "a.txt").write_text(f"cd {tmp_path}/data && pip install -i https://files.{hosts()[-1]}/x")
    assert len(found([re.escape(place) for place in places()], ["a.txt"])) >= 1
    assert found([re.escape(hosts()[-1])], ["a.txt"])


def test_every_error_has_an_exit_code():
    """The base class has none: what is raised of it would be a traceback."""
    raised = [name for name in tracked("*.py") if "raise " + "ConcordError(" in (CHECKOUT / name).read_text(encoding="utf-8")]
    assert raised == []


def test_files_stay_short():
    def lines(name: str) -> int:
        return len((CHECKOUT / name).read_text(encoding="utf-8").splitlines())

    too_long = {name: lines(name) for name in tracked("*.py", "*.rs") if lines(name) > LONGEST}
    assert {name: count for name, count in too_long.items() if name not in LONG} == {}, "split it, or give a reason in LONG"
    assert set(LONG) <= set(too_long), "no longer long: remove it from LONG"


def test_the_readme_is_read_in_one_go():
    assert len((CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README, "what is long stands in docs/"


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Of requirements/all.txt: canonical name -> its requirements (one per platform) with their number of hashes."""
    text = (CHECKOUT / "requirements" / "all.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    rows: dict[str, list[tuple[Requirement, int]]] = {}
    for line in text.splitlines():
        row = line.partition("#")[0].strip()
        if row:
            requirement, *hashes = row.split("--hash=sha256:")
            parsed = Requirement(requirement.strip())
            rows.setdefault(canonicalize_name(parsed.name), []).append((parsed, len(hashes)))
    return rows


def test_every_locked_package_has_one_version_and_its_hashes():
    for name, rows in locked().items():
        for requirement, hashes in rows:
            assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), name
            assert requirement.url is None, name
            assert hashes >= 1, name


@pytest.mark.parametrize("machine", ["arm64", "x86_64"])
def test_macos_gets_onnxruntime_for_the_cpu_and_nothing_of_nvidia(machine):
    mac = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": machine}
    taken = {name for name, rows in locked().items() for row, _ in rows if row.marker is None or row.marker.evaluate(mac)}
    assert {"onnxruntime", "torch"} <= taken
    assert [name for name in sorted(taken) if name.startswith(("nvidia-", "cuda-")) or name in ("onnxruntime-gpu", "triton")] == []


def test_the_lock_covers_what_pyproject_asks_for():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    rows = locked()
    for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"]:
        wanted = Requirement(text)
        versions = [row.specifier for row, _ in rows.get(canonicalize_name(wanted.name), [])]
        assert versions, f"{wanted.name} is not locked: see CONTRIBUTING.md"
        for version in versions:
            assert wanted.specifier.contains(str(version).removeprefix("=="), prereleases=True), f"{wanted} is locked as {version}"


def test_the_tools_of_the_pre_commit_hooks_are_local_and_locked():
    text = (CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (.*)", text) == ["local"]
    assert set(re.findall(r"language: (.*)", text)) == {"system"}
    tools = re.findall(r"entry: \.venv/bin/(\S+)", text)
    assert len(tools) == text.count("entry:") - text.count("entry: cargo")
    names = {"lint-imports": "import-linter"}
    assert [tool for tool in tools if names.get(tool, tool) not in locked()] == []


def test_the_workflow_runs_what_a_developer_runs_and_may_only_read():
    text = (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in text
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)
    actions = re.findall(r"uses: (\S+)", text)
    assert actions
    assert [action for action in actions if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []


def test_the_workflow_checks_the_licences_of_the_crates():
    # `nox -s lint` only warns where cargo-deny is absent: not every developer has to build it.
    text = (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    steps = re.findall(r"run: (.*)", text)
    (install,) = [number for number, step in enumerate(steps) if "cargo-deny" in step]
    assert re.fullmatch(r"cargo install --locked cargo-deny --version \d+\.\d+\.\d+", steps[install])
    assert install < steps.index("uvx nox -s lint")


@pytest.fixture(scope="module")
def noxfile():
    return sessions.noxfile()


def test_what_follows_the_dashes_reaches_the_step(noxfile, monkeypatch):
    """`nox -s report -- RUN RUN2` is `python -m bench report RUN RUN2`."""
    monkeypatch.setattr(noxfile, "sync", lambda _: {"CONCORD_USER_FOLDER": "where the user stood"})
    ran: list[tuple[str, ...]] = []
    session = SimpleNamespace(posargs=["RUN", "RUN2", "--json"], run=lambda *command, **_: ran.append(command))
    noxfile.report(session)
    assert ran == [(str(noxfile.PYTHON), "-m", "bench", "report", "RUN", "RUN2", "--json")]


@pytest.mark.parametrize(
    ("asked", "options", "said"),
    [
        (["train", "export", "bench"], [], True),
        (["train", "parity"], ["--quick"], True),
        (["train", "export"], [], False),
        (["train", "export", "bench"], ["--without", "ort-rust"], False),
        (["train", "export", "bench"], ["--without=ort-rust"], False),
        (["train", "export", "bench"], ["--runtime", "torch-eager", "ort-python"], False),
        (["train", "export", "bench"], ["--runtime=torch-eager", "--quick"], False),
        (["train", "export", "bench"], ["--runtime", "torch-eager", "ort-rust"], True),
    ],
)
def test_a_missing_rust_toolchain_is_said_before_a_training_whose_bench_needs_it(noxfile, monkeypatch, asked, options, said):
    monkeypatch.setattr(sys, "argv", ["nox", "-s", *asked, "--", *options])
    monkeypatch.setattr(noxfile, "sync", lambda _: {})
    done: list[str] = []
    session = SimpleNamespace(posargs=options, run=lambda *_, **__: done.append("trained"), error=done.append)
    for cargo in ("/usr/bin/cargo", None):
        monkeypatch.setattr(noxfile.shutil, "which", lambda _, found=cargo: found)
        noxfile.need_cargo(session)
    assert [line.partition(":")[0] for line in done] == (["no Rust toolchain"] if said else [])
    noxfile.train(session)
    assert done[-1] == "trained"


@pytest.fixture
def clean(noxfile, monkeypatch, tmp_path):
    """`nox -s clean -- OPTIONS` in a folder with a bit of everything: what it leaves."""
    monkeypatch.setattr(noxfile, "ROOT", tmp_path)

    def error(text: str) -> None:
        raise UserWarning(text)

    def run(*options: str) -> set[str]:
        for name in ("artifacts", "data", ".venv", "reports/latest"):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        noxfile.clean(SimpleNamespace(posargs=list(options), log=print, error=error))
        return {path.name for path in tmp_path.iterdir()}

    return run


def test_clean_deletes_what_was_asked_for(clean):
    assert clean() == {"data", ".venv", "reports"}
    assert clean("--data") == {".venv", "reports"}
    assert clean("--all") == {"reports"}


@pytest.mark.parametrize("options", [["--help"], ["--al"], ["--data", "resnet18"]])
def test_clean_deletes_nothing_for_an_option_that_it_does_not_know(clean, tmp_path, options):
    with pytest.raises(UserWarning, match=f"unknown {options[-1]}; known: --all, --data"):
        clean(*options)
    assert (tmp_path / "artifacts").is_dir()
