"""python -m bench completion: the shell code by which Tab completes the options of all steps."""

from __future__ import annotations

from importlib import resources

from contract.errors import EnvironmentFault
from contract.options import Parser

# bash-completion may have a function of its own for python; zsh's hands `python -m …` on by itself.
BASH = "\ncomplete -o default -o bashdefault -F _python_argcomplete_global python python3\n"
SHELLS = {"bash": BASH, "zsh": ""}


def parser() -> Parser:
    """Its own options."""
    made = Parser(
        prog="python -m bench completion",
        description='Print shell code for Tab completion, to be evaluated where .venv is active: eval "$(python -m bench completion bash)"',
        allow_abbrev=False,
    )
    made.add_argument("shell", choices=list(SHELLS))
    return made


def main(arguments: list[str]) -> int:
    """Print argcomplete's own code. Raises EnvironmentFault where it is not installed."""
    shell = parser().parse_args(arguments).shell
    print(_code() + SHELLS[shell], end="")
    return 0


def _code() -> str:
    try:
        return (resources.files("argcomplete") / "bash_completion.d" / "_python-argcomplete").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as fault:
        raise EnvironmentFault(
            "argcomplete is not installed", where="completion", next="run any nox session: it installs the locked requirements"
        ) from fault
