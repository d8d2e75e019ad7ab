"""Tab completion: what a shell is answered, and that nothing of it is imported otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import completion as completing
from bench.report import write
from contract import completion, layout, options
from contract.errors import EnvironmentFault, UsageError
from contract.layout import CHECKOUT
from tests.bench import made
from tests.test_help import helped


def completed(line: str, out: Path) -> list[str]:
    """What a step offers for a command line that ends where the cursor stands, asked as argcomplete's shell code asks."""
    pytest.importorskip("argcomplete")
    asked = {
        "_ARGCOMPLETE": "3",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    step = line.split()[2]
    # The words come by COMP_LINE only: where completion is broken, --help ends the step before it begins its work.
    command = [sys.executable, "-m", step, "--help"]
    subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **asked}, capture_output=True, check=True, timeout=60)
    return out.read_text().split("\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("python -m bench par", ["parity"]),
        ("python -m bench parity --backb", ["--backbone"]),
        ("python -m bench verify --backbone resnet1", ["resnet18"]),
        ("python -m bench report --expl", ["--explain"]),
        ("python -m bench fuzz --format b", ["bmp"]),
        ("python -m bench faults --fault bg", ["bgr"]),
        ("python -m bench overhead --qu", ["--quick"]),
        ("python -m bench completion ", ["bash", "zsh", "fish", "-h", "--help"]),
        ("python -m train --without torch", ["torch-eager"]),
        ("python -m export --device c", ["cpu", "cuda"]),
        ("python -m infer_py predict --pro", ["--provider"]),
    ],
)
def test_every_step_completes_its_options_and_the_names_of_the_matrix(line: str, offered: list[str], tmp_path: Path):
    assert sorted(completed(line, tmp_path / "out")) == sorted(offered)


def test_names_come_from_the_matrix_that_the_line_names(tmp_path: Path):
    text = (CHECKOUT / "matrix.toml").read_text(encoding="utf-8").replace('"resnet18"', '"my_net"')
    mine = tmp_path / "mine.toml"
    mine.write_text(text, encoding="utf-8")
    assert completed(f"python -m train --matrix {mine} --backbone my", tmp_path / "out") == ["my_net"]
    mine.write_text("no matrix", encoding="utf-8")
    assert completed(f"python -m train --matrix {mine} --backbone my", tmp_path / "out") == [""]


def test_runs_and_their_cells_are_offered(tmp_path: Path):
    for name in ("20260102-030405-aa", "20260102-030405-bb", "unfinished"):
        (tmp_path / name).mkdir()
    for name in ("20260102-030405-aa", "20260102-030405-bb"):
        write.store(made.results(), tmp_path / name)
    where = f"--reports {tmp_path}"
    both = ["20260102-030405-aa", "20260102-030405-bb"]
    for line in (f"bench report {where} 2026", f"bench verify {where} 2026", f"bench run {where} --gate 2026"):
        assert completed(f"python -m {line}", tmp_path / "out") == both
    (tmp_path / "unfinished" / layout.SELFTEST).write_text("{}")
    assert completed(f"python -m bench selftest {where} --resume unf", tmp_path / "out") == ["unfinished"]
    cells = completed(f"python -m bench report {where} 20260102-030405-aa --explain resnet18/raw-dynamic/ort-r", tmp_path / "out")
    assert cells
    assert all(name.startswith("resnet18/raw-dynamic/ort-rust/") for name in cells)
    assert completed(f"python -m bench report {where} --explain resnet18/raw-dynamic/ort-r", tmp_path / "out") == [""]  # no latest run


def test_every_command_of_bench_is_offered_with_its_own_options():
    made = bench.all_commands().format_help()
    assert all(name in made for name in (*bench.COMMANDS, *bench.TOOLS))


@pytest.mark.parametrize("shell", completing.SHELLS)
def test_without_argcomplete_the_command_says_what_installs_it(shell: str, monkeypatch: pytest.MonkeyPatch):
    def absent(package: str) -> None:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(resources, "files", absent)
    with pytest.raises(EnvironmentFault, match="argcomplete is not installed"):
        completing.main([shell])


def test_without_argcomplete_a_shell_that_asks_is_answered_nothing_and_no_work_begins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(completion.ASKED, "1")
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    with pytest.raises(SystemExit) as ended:
        options.parse(options.parser("train", ""), [])
    assert ended.value.code == UsageError.exit_code


def test_an_unknown_shell_is_wrong_usage():
    with pytest.raises(UsageError, match="invalid choice"):
        completing.main(["cmd"])


@pytest.mark.parametrize("step", ["train", "export", "bench", "infer_py"])
def test_argcomplete_is_imported_by_nothing_else_and_finds_its_mark(step: str):
    assert "argcomplete" not in helped(step)[2]
    assert "PYTHON_ARGCOMPLETE_OK" in (CHECKOUT / step / "__main__.py").read_text(encoding="utf-8")[:1024]
