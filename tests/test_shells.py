"""Tab completion in real shells, by the code that they are given. infer-rs has the same in its tests/completion.rs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract.layout import CHECKOUT

# What stands on the command line, and the word that Tab offers: of every step, be it a command, a name of the matrix or an option.
LINES = {
    "python -m bench self": "selftest",
    "python -m train --without torch": "torch-eager",
    "python3 -m export --dev": "--device",
    "python -m infer_py predict --pro": "--provider",
}
# An interactive zsh on a terminal of its own: keys are typed, Tab pressed, and ^G tells what stands on the line then.
ZSHRC = """
TMOUT=60
autoload -Uz compinit && compinit -u -D
eval "$(python -m bench completion zsh)"
tell() { print -r -- "$BUFFER" >$ZDOTDIR/told; BUFFER=exit; zle accept-line }
zle -N tell && bindkey '^G' tell
zle-line-init() { zle -U "$LINE"$'\\t\\a' }
zle -N zle-line-init
"""
FISH = "python -m bench completion fish | source; cd $FOLDER; complete -C $LINE"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without anybody's settings, where this Python is called python."""
    pytest.importorskip("argcomplete")
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3"):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        program.chmod(0o755)
    return tmp_path


def told(shell: list[str], line: str, home: Path, folder: Path = CHECKOUT) -> str:
    """Stdout of a shell that is asked about a command line. Skips the test where the shell is not installed."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    own = {"LINE": line, "FOLDER": str(folder), "HOME": str(home), "ZDOTDIR": str(home), "TERM": "dumb"}
    env = {**os.environ, **own, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(shell, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=90)
    return done.stdout


@pytest.mark.parametrize(("line", "offered"), LINES.items())
def test_bash_completes(line: str, offered: str, home: Path):
    # What readline does at Tab: it calls the registered function with these variables set.
    script = """
    eval "$(python -m bench completion bash)"
    COMP_WORDS=($LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$LINE; COMP_POINT=${#LINE}; COMP_TYPE=9
    [[ $(complete -p $COMP_WORDS) =~ -F\\ ([^ ]+) ]]
    ${BASH_REMATCH[1]} $COMP_WORDS "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[*]}"
    """
    assert told(["bash", "--norc", "-c", script], line, home).strip() == offered


@pytest.mark.parametrize(("line", "offered"), LINES.items())
def test_zsh_completes(line: str, offered: str, home: Path):
    (home / ".zshrc").write_text(ZSHRC)
    told(["zsh", "-f", "-c", "zmodload zsh/zpty && zpty tab 'zsh -d -i' && zpty -r tab"], line, home)
    assert (home / "told").read_text().strip() == f"{line.rpartition(' ')[0]} {offered}"


@pytest.mark.parametrize(("line", "offered"), [*LINES.items(), (".venv/bin/python -m bench self", "selftest")])
def test_fish_completes(line: str, offered: str, home: Path):
    line = line.replace(".venv", str(home))
    # Beside fish's own options of python, if they begin alike.
    assert offered in [said.partition("\t")[0] for said in told(["fish", "-c", FISH], line, home).splitlines()]


def test_fish_says_what_a_word_means(home: Path):
    assert told(["fish", "-c", FISH], "python -m bench self", home).startswith("selftest\tput the measuring on trial")


def test_fish_runs_no_program_of_that_name_that_is_another(home: Path):
    (home / "train.py").write_text("print(open('ran', 'w'))")
    assert told(["fish", "-c", FISH], "python -m train tra", home, folder=home).strip() == "train.py"
    assert not (home / "ran").exists()


def test_fish_completes_other_modules_as_before(home: Path):
    assert told(["fish", "-c", FISH], "python -m json.tool pypro", home).strip() == "pyproject.toml"
