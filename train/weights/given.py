"""A checkpoint that the user brought: what must be true of it, and what cannot be known."""

from __future__ import annotations

from pathlib import Path

from contract import strict
from contract.errors import DataError
from contract.manifest import LABELS

UNKNOWN = "given checkpoint: whether these test images were held out from its training is not known"


def same_classes(checkpoint: Path, classes: tuple[str, ...]) -> None:
    """Raise DataError when a labels.json beside the checkpoint has other classes than the data set, or another order of them."""
    path = checkpoint.parent / LABELS
    if not path.is_file():
        return
    try:
        numbers: dict[str, int] = strict.loads(path.read_bytes(), str(path))["class_to_int"]
        order = tuple(sorted(numbers, key=lambda name: numbers[name]))
    except (strict.StrictError, KeyError, TypeError, AttributeError) as fault:
        raise DataError(
            "not a label map: it has no class_to_int", where=str(path), next="correct it, or move the checkpoint away from it"
        ) from fault
    if order != classes:
        at = next(
            (place for place, pair in enumerate(zip(order, classes, strict=False)) if pair[0] != pair[1]), min(len(order), len(classes))
        )
        own, wanted = (f"'{names[at]}'" if at < len(names) else "none" for names in (order, classes))
        raise DataError(
            f"output {at} of the checkpoint is {own}, and class {at} of the data set {wanted}",
            where=str(path),
            next="choose the data set that it was trained on: class folders or labels with the same names",
        )
