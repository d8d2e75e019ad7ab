"""The keys that mean something to each format of a data set."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from contract.errors import nearest
from contract.strict import StrictError

EVERY = ("name", "format", "split")
FOLDERS = ("root", "train", "val", "test")
KEYS = {"wings": ("species", "per_species"), "csv": (*FOLDERS, "images", "labels", "columns"), "folder": FOLDERS}


def refuse_foreign(dataset: Any) -> None:
    """Raise StrictError naming the first key of another format that a contract.nouns.Dataset has a value of its own for."""
    known = (*EVERY, *KEYS[dataset.format])
    for each in fields(dataset):
        if each.name not in known and getattr(dataset, each.name) != each.default:
            said = f"'{each.name}' means nothing to format = '{dataset.format}'; {nearest(each.name, known)}"
            raise StrictError(said, where=dataset.name)
