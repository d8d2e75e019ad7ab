"""What `-k EXPR` leaves of a matrix: the cells that it takes, and the nouns that these need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from contract.errors import UsageError, nearest
from contract.matrix import Cell, Matrix, words
from contract.selection import OPTION, Selection, named, parse

CHOSEN = ("backbone", "variant", "runtime", "scenario")
LIST = "python -m bench list prints the names of all cells"


def narrowed(matrix: Matrix, text: str | None) -> Matrix:
    """The matrix with the cells that an expression takes; all of it without one.

    Raises UsageError for an expression that cannot be understood, has a word that is in no cell's name, or takes no cell.
    """
    if text is None:
        return matrix
    everything = [*_names(_with_all(matrix))]
    selection = parse(text).knowing(chain.from_iterable(everything))
    _check_words(selection, everything)
    narrow = narrow_to(replace(matrix, only=selection), matrix.defaults.backbone)
    if not any(_product(narrow, name) for name in narrow.defaults.backbone):
        raise _nothing(selection, [*_names(matrix)])
    return narrow


def narrow_to(matrix: Matrix, backbones: Sequence[str]) -> Matrix:
    """The matrix with the nouns of which -k takes a cell of these backbones; as it is where nothing is selected.

    The reference is started whatever -k says. Where it takes the reference alone, the variants stay: nothing is asked for them.
    """
    if matrix.only is None:
        return matrix
    taken = [cell for name in backbones for cell in _product(matrix, name)]
    had, kept = matrix.defaults, {noun: {getattr(cell, noun) for cell in taken} for noun in CHOSEN}
    runtime = tuple(name for name in had.runtime if name in kept["runtime"])
    if taken and not runtime:
        raise UsageError("takes nothing but cells of runtimes that are left out", where=_where(matrix.only), next="leave --without out")
    chosen = replace(
        had,
        backbone=tuple(name for name in backbones if name in kept["backbone"]),
        variant=tuple(name for name in had.variant if name in kept["variant"]) or had.variant,
        runtime=runtime,
        scenario=tuple(name for name in had.scenario if name in kept["scenario"]),
    )
    return replace(matrix, defaults=chosen)


def _product(matrix: Matrix, backbone: str) -> list[Cell]:
    """Its cells, holes too: parity is checked of what is not timed as well. The provider is no part of a name."""
    cells, holes = matrix.cells("", backbone, ("cpu",))
    return [*cells, *(hole.cell for hole in holes)]


def _names(matrix: Matrix) -> Iterator[tuple[str, ...]]:
    for backbone in matrix.defaults.backbone:
        for cell in _product(matrix, backbone):
            yield words(cell.backbone, cell.variant, cell.runtime, matrix.find("scenario", cell.scenario), cell.batch)


def _with_all(matrix: Matrix) -> Matrix:
    """The matrix with every entry chosen: a word may name what this run does not take."""
    every: dict[str, Any] = {noun: tuple(entry.name for entry in getattr(matrix, noun)) for noun in CHOSEN}
    return replace(matrix, defaults=replace(matrix.defaults, without=(), **every))


def _check_words(selection: Selection, everything: Sequence[tuple[str, ...]]) -> None:
    for word in selection.words():
        if not any(named(word, [name.lower() for name in names], selection.whole) for names in everything):
            known = dict.fromkeys(part for names in everything for part in names[:-1])
            raise UsageError(f"no cell has '{word}' in its name; {nearest(word, known)}", where=_where(selection), next=LIST)


def _nothing(selection: Selection, chosen: Sequence[tuple[str, ...]]) -> UsageError:
    absent = [
        word for word in selection.words() if not any(named(word, [name.lower() for name in names], selection.whole) for names in chosen)
    ]
    why = f"; '{absent[0]}' is in matrix.toml, and not chosen here" if absent else "; each of its words is in some name, but not so"
    remedy = "choose it, too (--backbone, --variant, --runtime, --scenario)" if absent else LIST
    return UsageError(f"takes none of {len(chosen)} cells{why}", where=_where(selection), next=remedy)


def _where(selection: Selection) -> str:
    return f"{OPTION} '{selection.text}'"
