"""Train, val and test: stratified, from the seed alone, identical images always on one side."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from contract.errors import DataError
from contract.manifest import ImageEntry
from train.data.found import SPLITS, Checked


@dataclass(frozen=True)
class Split:
    """Images by split, and what a reader of the results must know about them."""

    parts: dict[str, tuple[ImageEntry, ...]]
    notes: tuple[str, ...]


def split(images: Sequence[Checked], classes: tuple[str, ...], shares: tuple[float, float, float], seed: int) -> Split:
    """Split images; a split that came with the set is kept, and val is cut from train where it lacks.

    Depends on the images' bytes, the labels and the seed, not on the order of files. Raises DataError when a class is too small.
    """
    index = {label: number for number, label in enumerate(classes)}
    came_with = {item.split for item in images}
    if came_with == {""}:
        parts = _cut(images, dict(zip(SPLITS, shares, strict=True)), seed)
    else:
        parts = {name: [item for item in images if item.split == name] for name in SPLITS}
        if "val" not in came_with:
            val_share = shares[1] / (shares[0] + shares[1])
            parts |= _cut(parts["train"], {"train": 1 - val_share, "val": val_share}, seed)
    _need_every_class(parts, classes, images)
    entries = {
        name: tuple(ImageEntry(item.path, index[item.label], item.sha256) for item in sorted(part, key=lambda item: item.path))
        for name, part in parts.items()
    }
    return Split(entries, (*_duplicate_notes(images, cut=came_with == {""}), *_leak_notes(parts)))


def _cut(images: Sequence[Checked], shares: dict[str, float], seed: int) -> dict[str, list[Checked]]:
    groups: defaultdict[str, list[Checked]] = defaultdict(list)
    for item in images:
        groups[item.sha256].append(item)
    by_label: defaultdict[str, list[list[Checked]]] = defaultdict(list)
    for group in groups.values():
        # Identical images whose labels conflict go with the label that comes first, all together.
        by_label[min(item.label for item in group)].append(group)
    parts: dict[str, list[Checked]] = {name: [] for name in shares}
    for label in sorted(by_label):
        order = sorted(by_label[label], key=lambda group: hashlib.sha256(f"{seed}\0{label}\0{group[0].sha256}".encode()).digest())
        for name, chosen in _deal(order, shares).items():
            parts[name] += [item for group in chosen for item in group]
    return parts


def _deal(groups: list[list[Checked]], shares: dict[str, float]) -> dict[str, list[list[Checked]]]:
    """Deal groups of one class so that each split gets its share, and at least one group while there are any."""
    total = sum(len(group) for group in groups)
    names = sorted(shares, key=lambda name: shares[name])  # the smallest share is served first: it would go empty
    dealt: dict[str, list[list[Checked]]] = {name: [] for name in shares}
    rest = list(groups)
    for position, name in enumerate(names[:-1]):
        wanted, keep = max(1, round(total * shares[name])), len(names) - 1 - position
        while len(rest) > keep and sum(len(group) for group in dealt[name]) < wanted:
            dealt[name].append(rest.pop())
    dealt[names[-1]] = rest
    return dealt


def _need_every_class(parts: dict[str, list[Checked]], classes: tuple[str, ...], images: Sequence[Checked]) -> None:
    have = Counter(item.label for item in images)
    for name, part in parts.items():
        lacking = set(classes) - {item.label for item in part}
        if lacking:
            label = min(lacking, key=lambda each: (have[each], each))
            distinct = len({item.sha256 for item in images if item.label == label})
            raise DataError(
                f"class '{label}' has {have[label]} images ({distinct} different ones), too few for one in each of train, val and test",
                where=f"split '{name}'",
                next="add images of that class, or remove it from the set",
            )


def _duplicate_notes(images: Sequence[Checked], *, cut: bool) -> list[str]:
    labels: defaultdict[str, list[str]] = defaultdict(list)
    for item in images:
        labels[item.sha256].append(item.label)
    copies = sum(len(found) - 1 for found in labels.values())
    conflicts = sum(len(set(found)) > 1 for found in labels.values())
    # Only a split that was cut here keeps them together; of one that came with the set, the leaks are told.
    notes = [f"{copies} images are exact copies of others{': kept on one side of the split' if cut else ''}"] if copies else []
    return notes + ([f"{conflicts} images occur with conflicting labels"] if conflicts else [])


def _leak_notes(parts: dict[str, list[Checked]]) -> list[str]:
    """Images that two parts share: none where Concord cut them."""
    notes = []
    for one, other in combinations(SPLITS, 2):
        known = {item.sha256 for item in parts[one]}
        leaked = sum(item.sha256 in known for item in parts[other])
        if leaked:
            notes.append(f"{leaked} {other} images are also in {one}, as the set came: {other} accuracy flatters")
    return notes
