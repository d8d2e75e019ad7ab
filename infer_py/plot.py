"""Answers as a picture: each image beside its likeliest classes as bars, with the numbers of the table. Pillow only."""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from contract.artifact import atomic_path
from contract.errors import DataError, EnvironmentFault, UsageError, disk_fault, printable
from infer_py import table
from infer_py.answer import Guess

MARGIN, THUMBNAIL, NAME, BAR, NUMBER, LINE, TEXT = 16, 224, 300, 240, 60, 30, 16
WIDTH = MARGIN + THUMBNAIL + MARGIN + NAME + MARGIN + BAR + MARGIN + NUMBER + MARGIN
BARS = MARGIN + THUMBNAIL + MARGIN + NAME + MARGIN
# About 100 MB in memory; viewers refuse much longer ones.
HIGHEST = 32_000
INK, PALE, FIRST, OTHER, PAPER = (32, 32, 32), (236, 236, 236), (31, 95, 191), (150, 180, 220), (255, 255, 255)
# No font has a glyph for it, so what is drawn for it is drawn for every sign that the font lacks.
MISSING = "\uffff"

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Shown:
    """One image of the picture: its name, a copy that fits into its place, and its classes, best first."""

    name: str
    image: Image.Image
    guesses: list[Guess]


def check(path: Path, used: list[Path], top: int) -> None:
    """Refuse, before any work, a picture that cannot be written or that would replace a file that is read.

    Raises UsageError and EnvironmentFault.
    """
    if path.suffix.lower() != ".png":
        raise UsageError("the picture is a PNG file", where=str(path), next="name one that ends in .png")
    try:
        _check_place(path, used)
    except OSError as fault:  # a name that is too long, links in a circle
        raise UsageError(f"no such place: {fault.strerror}", where=str(fault.filename or path), next="choose another name") from fault
    high = (len(used) - 1) * _height(top)
    if high > HIGHEST:
        what = f"the picture would be {high} pixels high, and {HIGHEST} is the most"
        raise UsageError(what, where=str(path), next="fewer images, or a smaller --top")


def _check_place(path: Path, used: list[Path]) -> None:
    if path.is_dir():
        raise UsageError("is a folder", where=str(path), next="name a file")
    if not path.parent.is_dir():
        raise UsageError("no such folder", where=str(path.parent), next="name a file in a folder that is there")
    if any(path == each or (path.exists() and each.exists() and path.samefile(each)) for each in used):
        raise UsageError("the picture would replace a file that is read here", where=str(path), next="choose another name")
    if not os.access(path.parent, os.W_OK):
        raise EnvironmentFault("the folder may not be written to", where=str(path.parent), next="choose another folder, or its permissions")


def thumbnail(image: Image.Image) -> Image.Image:
    """A copy of at most THUMBNAIL x THUMBNAIL pixels; small images stay as they are."""
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return small


def font(path: Path | None) -> Font:
    """The font of all texts: a file, or the one inside Pillow, which has little beyond ASCII. Raises DataError and EnvironmentFault."""
    try:
        found = ImageFont.truetype(str(path), TEXT) if path else ImageFont.load_default(TEXT)
    except ImportError as fault:
        raise EnvironmentFault(
            "this Pillow was built without FreeType", where="--plot", next="pip install --force-reinstall pillow"
        ) from fault
    except (OSError, ValueError) as fault:
        raise DataError(f"cannot be read as a font: {fault}", where=str(path), next="name a .ttf or .otf file") from fault
    assert isinstance(found, Font)
    return found


def write(path: Path, shown: list[Shown], letters: Font) -> None:
    """Draw and write the picture atomically, as PNG. Raises EnvironmentFault."""
    picture = draw(shown, letters)
    try:
        with atomic_path(path) as temporary:
            picture.save(temporary, format="PNG")
    except OSError as fault:
        known = disk_fault(fault, path)
        raise known or EnvironmentFault(
            f"cannot be written: {fault.strerror or fault}", where=str(path), next="choose another file"
        ) from fault


def draw(shown: list[Shown], letters: Font) -> Image.Image:
    """One row per image, in their order."""
    rows = [_height(len(each.guesses)) for each in shown]
    picture = Image.new("RGB", (WIDTH, sum(rows)), PAPER)
    pen = ImageDraw.Draw(picture)
    top = 0
    for each, high in zip(shown, rows, strict=True):
        _row(picture, pen, each, top, letters)
        top += high
    return picture


def bar(guess: Guess) -> int:
    """Length of a probability's bar in pixels, out of BAR."""
    return round(guess.probability * BAR)


def fitted(text: str, letters: Font, width: int, *, keep_end: bool = False) -> str:
    """What is drawn of a text: a sign that a terminal would obey, or that the font lacks, as its escape; cut to `width` pixels."""
    plain = "".join(sign if _drawable(sign, letters) else sign.encode("unicode_escape").decode() for sign in printable(text))
    if letters.getlength(plain) <= width:
        return plain

    def cut(count: int) -> str:
        return f"...{plain[len(plain) - count :]}" if keep_end else f"{plain[:count]}..."

    return cut(bisect_right(range(len(plain)), width, key=lambda count: math.ceil(letters.getlength(cut(count)))) - 1)


def _row(picture: Image.Image, pen: ImageDraw.ImageDraw, shown: Shown, top: int, letters: Font) -> None:
    image = shown.image
    picture.paste(image, (MARGIN + (THUMBNAIL - image.width) // 2, top + MARGIN + (THUMBNAIL - image.height) // 2))
    left = MARGIN + THUMBNAIL + MARGIN
    middle = top + MARGIN + LINE // 2
    pen.text((left, middle), fitted(shown.name, letters, WIDTH - MARGIN - left, keep_end=True), INK, letters, anchor="lm")
    for place, guess in enumerate(shown.guesses):
        middle += LINE
        name, number = table.cells(guess)
        pen.text((left, middle), fitted(name, letters, NAME), INK, letters, anchor="lm")
        pen.rectangle((BARS, middle - 8, BARS + BAR - 1, middle + 8), PALE)
        if length := bar(guess):
            pen.rectangle((BARS, middle - 8, BARS + length - 1, middle + 8), OTHER if place else FIRST)
        pen.text((BARS + BAR + MARGIN, middle), number, INK, letters, anchor="lm")


def _height(bars: int) -> int:
    return MARGIN + max(THUMBNAIL, LINE * (bars + 1)) + MARGIN // 2


@lru_cache(maxsize=4096)
def _drawable(sign: str, letters: Font) -> bool:
    """Whether the font has ink of its own for a sign; one beyond ASCII that is drawn as nothing would hide in a name."""
    if sign.isascii():
        return True
    mask, missing = letters.getmask(sign), letters.getmask(MISSING)
    return mask.getbbox() is not None and (mask.size, bytes(mask)) != (missing.size, bytes(missing))
