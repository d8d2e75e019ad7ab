"""Plain data becomes dataclasses, or an error that names the field."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import strict
from contract.errors import DataError
from contract.strict import StrictError


@dataclass(frozen=True)
class Leaf:
    count: int
    share: float = 0.5
    on: bool = False


@dataclass(frozen=True)
class Circle:
    kind: Literal["circle"]
    radius: int


@dataclass(frozen=True)
class Box:
    kind: Literal["box"]
    width: int
    height: int


@dataclass(frozen=True)
class Tree:
    name: str
    leaves: tuple[Leaf, ...] = ()
    pair: tuple[int, str] | None = None
    shape: Circle | Box | None = None
    by_name: dict[str, Leaf] = field(default_factory=dict)
    option: int | bool | str = 0
    format: Literal[1] = 1
    note: str = field(default="", metadata=strict.REQUIRED)


def tree(**values: Any) -> Tree:
    return strict.decode(Tree, {"name": "oak", "note": ""} | values, "f.toml")


def refused(**values: Any) -> tuple[str, str]:
    with pytest.raises(StrictError) as caught:
        tree(**values)
    return caught.value.where, caught.value.what


def test_nested_data_becomes_frozen_dataclasses():
    made = tree(leaves=[{"count": 1}], pair=[2, "b"], shape={"kind": "circle", "radius": 3}, by_name={"x": {"count": 4, "share": 1}})
    assert made == Tree("oak", (Leaf(1),), (2, "b"), Circle("circle", 3), {"x": Leaf(4, 1.0)})
    assert type(made.by_name["x"].share) is float


def test_an_unknown_key_is_refused_with_the_nearest_one():
    assert refused(leafs=[]) == ("f.toml", "unknown key 'leafs'; did you mean 'leaves'?")
    assert refused(leaves=[{"count": 1}, {"cuont": 1}]) == ("f.toml.leaves[1]", "unknown key 'cuont'; did you mean 'count'?")


def test_a_missing_key_is_refused_also_one_that_has_a_default_in_python():
    assert refused(by_name={"x": {}}) == ("f.toml.by_name.x", "missing key 'count'")
    with pytest.raises(StrictError, match="missing key 'note'"):
        strict.decode(Tree, {"name": "oak"}, "f.toml")
    assert Tree("oak").note == ""


@pytest.mark.parametrize(
    ("values", "where", "what"),
    [
        ({"name": 1}, "f.toml.name", "expected a string, got 1"),
        ({"leaves": {}}, "f.toml.leaves", "expected a list, got {}"),
        ({"leaves": [1]}, "f.toml.leaves[0]", "expected a table, got 1"),
        ({"leaves": [{"count": True}]}, "f.toml.leaves[0].count", "expected an integer, got True"),
        ({"leaves": [{"count": 1.0}]}, "f.toml.leaves[0].count", "expected an integer, got 1.0"),
        ({"leaves": [{"count": 1, "share": True}]}, "f.toml.leaves[0].share", "expected a number, got True"),
        ({"leaves": [{"count": 1, "share": "1"}]}, "f.toml.leaves[0].share", "expected a number, got '1'"),
        ({"leaves": [{"count": 1, "share": math.nan}]}, "f.toml.leaves[0].share", "expected a finite number, got nan"),
        ({"leaves": [{"count": 1, "share": -math.inf}]}, "f.toml.leaves[0].share", "expected a finite number, got -inf"),
        ({"leaves": [{"count": 1, "on": 1}]}, "f.toml.leaves[0].on", "expected true or false, got 1"),
        ({"pair": [1]}, "f.toml.pair", "expected 2 items, got 1"),
        ({"pair": [1, 2]}, "f.toml.pair[1]", "expected a string, got 2"),
        ({"option": [1]}, "f.toml.option", "expected an integer or true or false or a string, got [1]"),
        ({"format": 2}, "f.toml.format", "2 is not one of 1"),
        ({"format": True}, "f.toml.format", "True is not one of 1"),
        ({"format": 1.0}, "f.toml.format", "1.0 is not one of 1"),
        ({"shape": {"kind": "box", "width": 1, "heigth": 2}}, "f.toml.shape", "unknown key 'heigth'; did you mean 'height'?"),
        ({"shape": {"kind": "box", "width": 1, "height": "2"}}, "f.toml.shape.height", "expected an integer, got '2'"),
        ({"shape": {"kind": "cone", "radius": 1}}, "f.toml.shape.kind", "'cone' is not one of 'circle'"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(values, where, what):
    assert refused(**values) == (where, what)


def test_an_integer_beyond_any_float_is_refused():
    assert refused(leaves=[{"count": 1, "share": 10**400}])[1].startswith("expected a finite number")


def test_unions_keep_the_type_that_was_given():
    assert [type(tree(option=value).option) for value in (True, 1, "1")] == [bool, int, str]


@dataclass(frozen=True)
class Range:
    name: str
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise DataError("low is above high", where=self.name)


def test_values_that_do_not_go_together_are_refused_with_the_place_and_the_name():
    with pytest.raises(StrictError) as caught:
        strict.decode(Range, {"name": "r", "low": 2, "high": 1}, "f.toml.range[3]")
    assert str(caught.value) == "f.toml.range[3] (r): low is above high"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"a": NaN}', "NaN is not a number"),
        ("[Infinity]", "Infinity is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1e400]", "1e400 is too large a number"),
        ('{"a": 1, "b": 2, "a": 1}', "key 'a' used twice"),
        ('{"x": {"a": 1, "a": 2}}', "key 'a' used twice"),
        (r'["\ud800"]', "surrogates not allowed"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b'["\xff"]', "not valid JSON"),
        ("[" * 100_000, "recursion"),
        ("", "not valid JSON"),
        ("{} {}", "Extra data"),
    ],
)
def test_loads_refuses(text, what):
    with pytest.raises(StrictError, match=what) as caught:
        strict.loads(text, "here")
    assert caught.value.where == "here"


def test_who_reads_says_the_next_step():
    with pytest.raises(StrictError, match="not valid JSON") as caught, strict.mended_by("make it anew"):
        strict.loads("{", "x.json")
    assert (caught.value.where, caught.value.next) == ("x.json", "make it anew")
    with pytest.raises(StrictError) as caught, strict.mended_by("outer"), strict.mended_by("inner"):
        strict.loads("{", "x.json")
    assert caught.value.next == "inner", "the nearest reader knows best"


def test_loads_takes_characters_of_every_plane():
    assert strict.loads(r'["\ud83e\udd8b \u03a9"]', "x") == ["🦋 Ω"]


@pytest.mark.parametrize("write", [strict.dumps, strict.pretty])
def test_writers_refuse_nan(write):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write({"a": [math.nan]})


def test_the_canonical_form_does_not_depend_on_the_order_of_keys():
    assert strict.dumps({"b": (1, 2), "a": Leaf(1)}) == '{"a":{"count":1,"on":false,"share":0.5},"b":[1,2]}'


leaves = st.builds(Leaf, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
words = st.text(st.characters(exclude_categories=["Cs"]))
trees = st.builds(
    Tree,
    words,
    st.lists(leaves).map(tuple),
    st.none() | st.tuples(st.integers(), words),
    st.none() | st.builds(Circle, st.just("circle"), st.integers()) | st.builds(Box, st.just("box"), st.integers(), st.integers()),
    st.dictionaries(words, leaves),
    st.integers() | st.booleans() | words,
    note=words,
)


@given(trees)
def test_what_is_written_is_read_back_the_same(value):
    for write in (strict.dumps, strict.pretty):
        again = strict.decode(Tree, strict.loads(write(value), "x"), "x")
        assert again == value
        assert type(again.option) is type(value.option)
