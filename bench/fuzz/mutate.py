"""Damage to image files: to their bytes, and to their parts with lengths and sums made right again."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

from bench.fuzz import exif
from bench.fuzz.parts import FORMS, Parts
from bench.fuzz.seeds import seeds

# So many bytes tell formats apart.
HEAD = 16
NUMBERS = (0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 24, 32, 40, 63, 64, 100, 127, 128, 255, 256, 257, 1000, 32_767, 65_535, 65_536)
BYTES = (0, 1, 2, 4, 8, 16, 32, 64, 127, 128, 254, 255)
PNG_NAMES = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"zTXt", b"iTXt", b"gAMA", b"abcd", b"a b?")
Damage = Callable[[random.Random, bytearray], None]


def mutated(dice: random.Random, form: str) -> bytes:
    """A file of a format (contract.pictures.FORMATS): one in fifty whole, the others with one to four damages."""
    data = dice.choice(seeds(form))
    if dice.random() < 0.02:
        return data
    for _ in range(dice.choice((1, 1, 1, 2, 3, 4))):
        # Only a file that still begins as one of its kind can be taken apart. Sums protect most of a PNG file from scattered damage.
        if dice.random() < (0.7 if form == "PNG" else 0.45) and data[:2] == dice.choice(seeds(form))[:2] and len(data) > 14:
            data = _in_parts(dice, form, data)
        else:
            scattered = bytearray(data)
            dice.choice(SCATTERED)(dice, scattered)
            data = bytes(scattered)
    return data


def flip(dice: random.Random, data: bytearray) -> None:
    """One bit, anywhere."""
    if data:
        data[_place(dice, data)] ^= 1 << dice.randrange(8)


def put(dice: random.Random, data: bytearray) -> None:
    """Another byte, anywhere."""
    if data:
        data[_place(dice, data)] = dice.choice(BYTES) if dice.random() < 0.7 else dice.randrange(256)


def number(dice: random.Random, data: bytearray) -> None:
    """Another number of two or four bytes in either order, anywhere."""
    if len(data) > 4:
        at = dice.randrange(min(len(data) - 4, 200))
        data[at : at + 4] = struct.pack(dice.choice("<>") + "I", dice.choice(NUMBERS)) if dice.random() < 0.5 else data[at : at + 4]
        data[at : at + 2] = struct.pack(dice.choice("<>") + "H", dice.choice(NUMBERS) & 0xFFFF)


def insert(dice: random.Random, data: bytearray) -> None:
    """A few bytes more."""
    at = _place(dice, data)
    data[at:at] = dice.choice((dice.randbytes(dice.randint(1, 6)), bytes([dice.choice(BYTES)]) * dice.randint(1, 300)))


def remove(dice: random.Random, data: bytearray) -> None:
    """A few bytes fewer."""
    at = _place(dice, data)
    del data[at : at + dice.choice((1, 1, 2, 3, 4, 8, 50))]


def cut(dice: random.Random, data: bytearray) -> None:
    """The end is missing: often only a few bytes of it."""
    keep = max(len(data) - dice.randint(1, 12), 0) if dice.random() < 0.5 else dice.randrange(len(data) + 1)
    del data[keep:]


def first(dice: random.Random, data: bytearray) -> None:
    """The bytes that tell the format."""
    if data:
        data[dice.randrange(min(HEAD, len(data)))] = dice.randrange(256)


def repeat(dice: random.Random, data: bytearray) -> None:
    """A stretch comes twice."""
    at, length = _place(dice, data), dice.randint(1, 40)
    data[at:at] = data[at : at + length]


def append(dice: random.Random, data: bytearray) -> None:
    """Something follows the end."""
    data += dice.randbytes(dice.randint(1, 40)) if dice.random() < 0.5 else bytes(dice.choice((1, 300, 70_000)))


SCATTERED: tuple[Damage, ...] = (flip, flip, flip, put, put, number, insert, remove, cut, first, repeat, append)


def _place(dice: random.Random, data: bytearray) -> int:
    # Headers are short, and decide more than pixels do.
    return dice.randrange(max(min(len(data), dice.choice((30, 60, 200, 700, len(data)))), 1))


def _in_parts(dice: random.Random, form: str, data: bytes) -> bytes:
    split, join = FORMS[form]
    parts = split(data)
    for _ in range(dice.choice((1, 1, 2))):
        special = {"PNG": _png, "JPEG": _jpeg}.get(form)
        if special and dice.random() < 0.3:
            special(dice, parts)
        else:
            _any(dice, form, parts)
    return join(parts)


def _any(dice: random.Random, form: str, parts: Parts) -> None:
    """Parts in another order, twice, missing, from another file, or with damage inside."""
    bodies = parts.bodies
    if not bodies:
        return
    at = dice.randrange(len(bodies))
    match dice.randrange(8):
        case 0:
            other = dice.randrange(len(bodies))
            bodies[at], bodies[other] = bodies[other], bodies[at]
        case 1:
            del bodies[at]
        case 2:
            bodies.insert(dice.randrange(len(bodies) + 1), bodies[at])
        case 3:
            others = FORMS[form][0](dice.choice(seeds(form))).bodies
            bodies.insert(at, dice.choice(others))
        case _:
            inside = bytearray(bodies[at][1])
            dice.choice((flip, put, put, number, insert, remove, cut))(dice, inside)
            bodies[at] = (bodies[at][0], bytes(inside))


def _png(dice: random.Random, parts: Parts) -> None:
    """Chunks under other names, and data that are unpacked, damaged and packed again: inflate has nothing to object to."""
    if not parts.bodies:
        return
    at = dice.randrange(len(parts.bodies))
    if dice.random() < 0.3:
        parts.bodies[at] = (dice.choice(PNG_NAMES), parts.bodies[at][1])
        return
    packed = b"".join(body for name, body in parts.bodies if name == b"IDAT")
    places = [place for place, (name, _) in enumerate(parts.bodies) if name == b"IDAT"]
    try:
        raw = bytearray(zlib.decompressobj().decompress(packed, 1 << 20))
    except zlib.error:
        return
    if not places:
        return
    dice.choice((flip, put, insert, remove, cut, append))(dice, raw)
    again = zlib.compress(bytes(raw), dice.choice((0, 1, 6, 9)))
    again = again if dice.random() < 0.8 else again[: -dice.randint(1, 6)] + dice.randbytes(dice.randrange(3))
    pieces = [again[start : start + (len(again) + 2) // 3 or 1] for start in range(0, len(again), (len(again) + 2) // 3 or 1)]
    kept = [part for place, part in enumerate(parts.bodies) if place not in places]
    kept[places[0] : places[0]] = [(b"IDAT", piece) for piece in pieces]
    parts.bodies = kept


def _jpeg(dice: random.Random, parts: Parts) -> None:
    """EXIF and MPF damage, other markers, padding between segments."""
    at = dice.randrange(len(parts.bodies) + 1)
    match dice.randrange(5):
        case 0 if parts.bodies:
            at = dice.randrange(len(parts.bodies))
            parts.bodies[at] = (bytes([0xFF, dice.randrange(0xC0, 0x100)]), parts.bodies[at][1])
        case 1:
            parts.head += b"\xff" * dice.randrange(4) + dice.choice((b"", b"\0", b"\xff\xd0", b"\xff\x01"))
        case _:
            # Without a JFIF resolution, Pillow looks for one in EXIF.
            parts.bodies = [part for part in parts.bodies if part[0] != b"\xff\xe0" or dice.random() < 0.2]
            parts.bodies.insert(min(at, len(parts.bodies)), exif.segment(dice))
