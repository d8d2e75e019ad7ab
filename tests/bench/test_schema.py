"""results.schema.json is what the dataclasses say, and tells good results from bad ones."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from bench import schema
from bench.results import FORMAT
from contract import strict
from tests.bench import made

VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def plain() -> dict:
    return copy.deepcopy(strict.plain(made.results()))


def test_the_committed_file_is_current():
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), "run: python -m bench.schema"


def test_it_is_a_schema_and_results_are_valid():
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    for results in (made.results(), made.hostile()):
        VALIDATOR.validate(strict.loads(strict.pretty(results), "x"))


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "surprise", 1),
        ((), "seed", "0"),
        ((), "seed", 0.5),
        ((), "quick", 1),
        ((), "format", FORMAT + 1),
        ((), "format", FORMAT - 1),
        ((), "format", str(FORMAT)),
        ((), "problems", None),
        (("cells", 0), "surprise", 1),
        (("cells", 0), "error", 5),
        (("cells", 0, "blocks", 0), "half", 2),
        (("cells", 0, "options"), "threads", None),
        (("cells", 0), "median_ns", {"value": 1, "low": 1}),
        (("contrasts", 0), "verdict", "quicker"),
        (("environment", "packages"), "torch", 2),
        (("subjects", 0, "weights"), "asked", "DEFAULT"),
    ],
)
def test_what_results_are_not(path, key, value):
    bad = plain()
    _at(bad, path)[key] = value
    assert not VALIDATOR.is_valid(bad)


def test_it_says_of_which_format_it_is():
    assert schema.schema()["$id"] == f"concord-results-{FORMAT}"
    (fault,) = VALIDATOR.iter_errors(plain() | {"format": FORMAT + 1})
    assert list(fault.path) == ["format"]
    assert fault.message == f"{FORMAT} was expected"


@pytest.mark.parametrize("path", [(), ("cells", 0), ("parity", 0), ("environment",), ("receipts", "ort-rust"), ("cells", 0, "cell")])
def test_every_key_must_be_there(path):
    for key in list(_at(plain(), path)):
        bad = plain()
        del _at(bad, path)[key]
        assert not VALIDATOR.is_valid(bad), key


def _at(value, path):
    for step in path:
        value = value[step]
    return value


def test_pairs_have_as_many_items_as_their_type():
    check = jsonschema.Draft202012Validator(schema._of(tuple[int, str], {}))
    assert check.is_valid([1, "a"])
    assert not any(check.is_valid(bad) for bad in ([1], [1, "a", 2], ["a", 1]))
    with pytest.raises(TypeError, match="no schema is known for"):
        schema._of(set[int], {})
