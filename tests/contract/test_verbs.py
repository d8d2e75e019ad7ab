"""Options of a parser's verbs: whose error a misspelt one is, and what is meant."""

from __future__ import annotations

import pytest

from contract import options
from contract.errors import UsageError


def verbs() -> options.Parser:
    made = options.Parser(prog="python -m it")
    verb = made.add_subparsers(dest="verb", required=True).add_parser("draw")
    verb.add_argument("file")
    verb.add_argument("--json", action="store_true")
    return made


@pytest.mark.parametrize(
    ("given", "said", "meant"),
    [
        ("draw a.png --jsn", "unrecognized arguments: --jsn", "did you mean '--json'? "),
        ("draw a.png b --jsn", "unrecognized arguments: b --jsn", "did you mean '--json'? "),
        ("draw --jsn", "the following arguments are required: file", "did you mean '--json'? "),
        ("draw --json", "the following arguments are required: file", ""),
        ("draw a.png --xyzzy", "unrecognized arguments: --xyzzy", ""),
        ("draw a.png --js", "unrecognized arguments: --js", "did you mean '--json'? "),
    ],
)
def test_a_misspelt_option_of_a_verb_is_an_error_of_the_verb(given, said, meant):
    with pytest.raises(UsageError) as caught:
        verbs().parse_args(given.split())
    assert (caught.value.what, caught.value.where) == (said, "python -m it draw")
    assert caught.value.next == f"{meant}python -m it draw --help lists the options"
