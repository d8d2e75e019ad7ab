"""python -m bench completion: the shell code by which Tab completes the options of all steps."""

from __future__ import annotations

from importlib import resources

from contract.errors import EnvironmentFault
from contract.options import Parser

# bash-completion may have a function of its own for python; zsh's hands `python -m …` on by itself.
BASH = "\ncomplete -o default -o bashdefault -F _python_argcomplete_global python python3\n"
# argcomplete's own code for fish completes programs, not modules: what its code for bash does with `python -m …`, in fish.
# As there, nothing is run that does not carry argcomplete's mark: at a press of Tab, another project's train would begin to train.
FISH = r"""function __concord_asked
    set -l words (commandline -opc)
    test "$words[2]" = -m; and contains -- "$words[3]" train export bench infer_py
    and $words[1] -m argcomplete._check_module $words[3] >/dev/null 2>&1
end
function __concord_offered
    set -l words (commandline -opc)
    set -lx _ARGCOMPLETE 3
    set -lx _ARGCOMPLETE_SHELL fish
    set -lx _ARGCOMPLETE_IFS \n
    set -lx _ARGCOMPLETE_DFS \t
    set -lx _ARGCOMPLETE_SUPPRESS_SPACE 1
    set -lx COMP_LINE (commandline -p)
    set -lx COMP_POINT (string length -- "$(commandline -cp)")
    $words[1] -m $words[3] 8>&1 9>&2 >/dev/null 2>&1
end
complete -c python -c python3 -n __concord_asked -f -a '(__concord_offered)'
"""
SHELLS = ("bash", "zsh", "fish")


def parser() -> Parser:
    """Its own options."""
    made = Parser(
        prog="python -m bench completion",
        description="Print shell code for Tab completion, to be evaluated where .venv is active: "
        'eval "$(python -m bench completion bash)" (zsh, too), or python -m bench completion fish | source',
    )
    made.add_argument("shell", choices=SHELLS)
    return made


def main(arguments: list[str]) -> int:
    """Print the code for a shell. Raises EnvironmentFault where argcomplete is not installed."""
    shell = parser().parse_args(arguments).shell
    theirs = _theirs()
    print({"bash": theirs + BASH, "zsh": theirs, "fish": FISH}[shell], end="")
    return 0


def _theirs() -> str:
    try:
        return (resources.files("argcomplete") / "bash_completion.d" / "_python-argcomplete").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as fault:
        raise EnvironmentFault(
            "argcomplete is not installed", where="completion", next="run any nox session: it installs the locked requirements"
        ) from fault
