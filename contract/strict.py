"""Decode plain data (TOML, JSON) into frozen dataclasses, refusing whatever they do not describe."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, TypeVar, Union

from contract.errors import DataError, nearest

T = TypeVar("T")
# Metadata of a field that has a default for Python code, and still must be present in data.
REQUIRED = {"required": True}
NAMES = {str: "a string", int: "an integer", float: "a number", bool: "true or false", type(None): "null"}


class StrictError(DataError):
    """Data that does not fit: `where` is the path to the field, such as `matrix.toml: recipe[0].lr`."""


def decode(cls: type[T], data: object, where: str) -> T:
    """Build `cls`, a dataclass, from a mapping.

    Raises StrictError for an unknown key (with the nearest known one), a missing key, or a value of the wrong type.
    """
    return typing.cast(T, _decode(cls, data, where))


def loads(text: str | bytes, where: str) -> Any:
    """Parse JSON strictly: NaN, Infinity, keys used twice and half characters are errors. Raises StrictError."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_refuse_twice)
        # An escaped half of a surrogate pair parses, and then can be written nowhere.
        if (b"\\u" if isinstance(text, bytes) else "\\u") in text:  # type: ignore[operator]
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        raise StrictError(f"not valid JSON: {fault}", where=where) from fault
    return value


@contextmanager
def mended_by(step: str) -> Iterator[None]:
    """Give errors of data that was read here their next step: who reads a file knows how it is made anew, this module does not."""
    try:
        yield
    except StrictError as fault:
        raise StrictError(fault.what, where=fault.where, next=fault.next or step) from fault


def dumps(value: object) -> str:
    """One line of JSON with sorted keys: the canonical form that hashes are taken of. Raises ValueError for NaN."""
    return json.dumps(plain(value), sort_keys=True, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def pretty(value: object) -> str:
    """JSON for files that people read. Raises ValueError for NaN."""
    return json.dumps(plain(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def at_least(least: int, **numbers: int) -> None:
    """Raise StrictError naming the first number that is smaller."""
    for name, number in numbers.items():
        if number < least:
            raise StrictError(f"{name} must be at least {least}, got {number}")


def plain(value: object) -> Any:
    """Dataclasses to dicts, tuples to lists, as deep as they go."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _refuse_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} used twice")
    return found


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, data, where)
    if kind is Any or kind is object:
        return data
    if origin in (Union, types.UnionType):
        return _union(arguments, data, where)
    if origin is Literal:
        # 1 == True == 1.0 to Python, not to a reader of TOML or JSON.
        if any(data == each and type(data) is type(each) for each in arguments):
            return data
        raise StrictError(f"{data!r} is not one of {', '.join(map(repr, arguments))}", where=where)
    if origin is tuple:
        items = _of_type(list, "a list", data, where)
        if arguments[-1] is not Ellipsis and len(items) != len(arguments):
            raise StrictError(f"expected {len(arguments)} items, got {len(items)}", where=where)
        kinds = arguments if arguments[-1] is not Ellipsis else (arguments[0],) * len(items)
        return tuple(_decode(each, item, f"{where}[{n}]") for n, (each, item) in enumerate(zip(kinds, items, strict=True)))
    if origin is dict:
        mapping = _of_type(dict, "a table", data, where)
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in mapping.items()}
    if kind is float:
        return _number(data, where)
    if kind not in NAMES:
        raise TypeError(f"{where}: decode does not know the type {kind}")
    # bool is an int to Python, not to a reader of TOML or JSON.
    if isinstance(data, bool) and kind is not bool:
        raise StrictError(f"expected {NAMES[kind]}, got {data!r}", where=where)
    return _of_type(kind, NAMES[kind], data, where)


def _of_type(kind: type, name: str, data: Any, where: str) -> Any:
    if not isinstance(data, kind):
        raise StrictError(f"expected {name}, got {data!r:.80}", where=where)
    return data


def _number(data: Any, where: str) -> float:
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise StrictError(f"expected a number, got {data!r:.80}", where=where)
    try:
        return _finite(str(data))  # TOML has nan and inf, and integers beyond any float
    except ValueError as fault:
        raise StrictError(f"expected a finite number, got {data!r:.80}", where=where) from fault


def _union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    faults = []
    for kind in [kind for kind in kinds if _tag_fits(kind, data)] or kinds:
        try:
            return _decode(kind, data, where)
        except StrictError as fault:
            faults.append(fault)
    if all(kind in NAMES for kind in kinds):
        raise StrictError(f"expected {' or '.join(NAMES[kind] for kind in kinds)}, got {data!r:.80}", where=where)
    # The fault that got deepest names the real problem: `args.batch`, not `args`.
    raise max(faults, key=lambda fault: (len(fault.where), fault.what.startswith("unknown")))


def _tag_fits(kind: Any, data: Any) -> bool:
    """Whether a dataclass is the one that the data's tag (a Literal field such as `kind`) names."""
    if not dataclasses.is_dataclass(kind) or not isinstance(data, dict):
        return False
    tags = {name: typing.get_args(hint) for name, hint in _hints(typing.cast(type, kind)).items() if typing.get_origin(hint) is Literal}
    return bool(tags) and all(data.get(name) in values for name, values in tags.items())


def _dataclass(cls: Any, data: Any, where: str) -> Any:
    mapping = _of_type(dict, "a table", data, where)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in mapping:
        if key not in fields:
            raise StrictError(f"unknown key '{key}'; {nearest(key, fields)}", where=where)
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in mapping and (not optional or field.metadata == REQUIRED):
            raise StrictError(f"missing key '{name}'", where=where)
    hints = _hints(cls)
    values = {key: _decode(hints[key], value, f"{where}.{key}") for key, value in mapping.items()}
    try:
        return cls(**values)
    except DataError as fault:  # values that do not go together
        raise StrictError(fault.what, where=f"{where} ({fault.where})" if fault.where else where) from fault
