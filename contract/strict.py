"""Decode plain data (TOML, JSON) into frozen dataclasses, refusing whatever they do not describe."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from functools import cache
from typing import Any, Literal, TypeVar, Union

from contract.errors import DataError, nearest

T = TypeVar("T")
NAMES = {str: "a string", int: "an integer", float: "a number", bool: "true or false", type(None): "null"}


class StrictError(DataError):
    """Data that does not fit: `where` is the path to the field, such as `matrix.toml: recipe[0].lr`."""


def decode(cls: type[T], data: object, where: str) -> T:
    """Build `cls`, a dataclass, from a mapping.

    Raises StrictError for an unknown key (with the nearest known one), a missing key, or a value of the wrong type.
    """
    return typing.cast(T, _decode(cls, data, where))


def loads(text: str | bytes, where: str) -> Any:
    """Parse JSON strictly: NaN, Infinity and keys used twice are errors. Raises StrictError."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice)
    except ValueError as fault:
        raise StrictError(f"not valid JSON: {fault}", where=where) from fault


def dumps(value: object) -> str:
    """One line of JSON with sorted keys: the canonical form that hashes are taken of. Raises ValueError for NaN."""
    return json.dumps(plain(value), sort_keys=True, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def pretty(value: object) -> str:
    """JSON for files that people read. Raises ValueError for NaN."""
    return json.dumps(plain(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


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
        if data in arguments and isinstance(data, type(arguments[arguments.index(data)])):
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
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
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


def _union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    faults = []
    for kind in kinds:
        try:
            return _decode(kind, data, where)
        except StrictError as fault:
            faults.append(fault)
    # The fault that got deepest names the real problem: `args.batch`, not `args`.
    raise max(faults, key=lambda fault: (len(fault.where), fault.what.startswith("unknown")))


def _dataclass(cls: Any, data: Any, where: str) -> Any:
    mapping = _of_type(dict, "a table", data, where)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in mapping:
        if key not in fields:
            raise StrictError(f"unknown key '{key}'; {nearest(key, fields)}", where=where)
    missing = [
        name
        for name, field in fields.items()
        if name not in mapping and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise StrictError(f"missing key '{missing[0]}'", where=where)
    hints = _hints(cls)
    return cls(**{key: _decode(hints[key], value, f"{where}.{key}") for key, value in mapping.items()})
