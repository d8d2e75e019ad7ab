"""Answers as text and as JSON. Class names come from a file: whatever a terminal would obey is shown as an escape."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from contract import strict
from contract.errors import ConcordError, printable
from infer_py.answer import Guess

Found = list[tuple[str, list[Guess]]]
Refused = Sequence[tuple[str, ConcordError]]
WIDEST = 60


def as_text(found: Found) -> str:
    """An aligned table, one line per class of an image."""
    rows = [(name if place == 0 else "", str(place + 1), *cells(guess)) for name, guesses in found for place, guess in enumerate(guesses)]
    return columns([("image", "top", "class", "probability"), *rows])


def as_json(model: str, found: Found, refused: Refused) -> str:
    """One document; probabilities with all their digits."""
    images: list[dict[str, Any]] = [
        {"image": name, "top": [{"class": guess.label, "index": guess.index, "probability": guess.probability} for guess in guesses]}
        for name, guesses in found
    ]
    images += [{"image": name, "error": str(fault)} for name, fault in refused]
    return strict.pretty({"model": model, "images": images}).rstrip()


def facts(values: dict[str, Any]) -> str:
    """Nested facts as aligned lines."""
    rows: list[tuple[str, ...]] = []
    for key, value in values.items():
        if key == "card":
            rows += [(name, _short(part)) for name, part in value.items()]
        else:
            rows.append((key, _short(value)))
    return columns(rows)


def counted(images: Sequence[str]) -> Iterator[str]:
    """Each image in turn; a terminal is told how far many of them are, and when all are done, the line is wiped."""
    told = len(images) > 1 and sys.stderr.isatty()
    for done, image in enumerate(images):
        if told:
            print(f"\r{done} of {len(images)} images", end="", file=sys.stderr, flush=True)
        yield image
    if told:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def columns(rows: list[tuple[str, ...]]) -> str:
    """Cells padded to their column's width."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in shown) for place in range(len(shown[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown)


def cells(guess: Guess) -> tuple[str, str]:
    """A class's name, cut to WIDEST signs, and its probability: the same wherever they are shown."""
    text = guess.label if guess.label is not None else f"class {guess.index}"
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…", f"{guess.probability:.4f}"


def _short(value: Any) -> str:
    if value is None:
        return "the file does not say"
    if isinstance(value, list) and len(value) > 6 and all(isinstance(item, str) for item in value):
        return f"{len(value)}: {', '.join(value[:6])}, …"
    return value if isinstance(value, str) else strict.dumps(value)
