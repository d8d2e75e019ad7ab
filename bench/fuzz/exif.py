"""EXIF and MPF directories with every kind of resolution and damage, as segments of a JPEG file."""

from __future__ import annotations

import random
import struct

TAGS = (0x011A, 0x0128, 0x0112, 0x011B, 0x010F, 0x8769, 0xB000, 0xB001, 0xB002)
# Bytes per value of the types of TIFF 6.0, EXIF and BigTIFF; the last two are unknown.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 0: 1, 99: 1}


def segment(dice: random.Random) -> tuple[bytes, bytes]:
    """Marker and body of an APP1 or APP2 segment."""
    if dice.random() < 0.25:
        return b"\xff\xe2", b"MPF\0" + directory(dice, (0xB000, 0xB001, 0xB002, 0xB003))
    return b"\xff\xe1", b"Exif\0\0" * dice.choice((1, 1, 1, 1, 2)) + directory(dice, TAGS)


def directory(dice: random.Random, tags: tuple[int, ...]) -> bytes:
    """A TIFF directory: some of the tags (a resolution and its unit more often than not), of random type, count and value."""
    order, magic = dice.choice([("<", b"II*\0"), (">", b"MM\0*"), (">", b"MM\0*"), ("<", b"II\0*"), (">", b"MM*\0"), (">", b"MM\0+")])
    chosen = [tag for tag in tags if dice.random() < 0.6]
    if dice.random() < 0.1:
        chosen += dice.choices(tags, k=2)
    entries, later = b"", b""
    for tag in chosen:
        kind = dice.choice(list(SIZES))
        count = dice.choice((0, 1, 1, 1, 1, 2, 2, 3, 16, 70_000))
        text = dice.choice((b"7", b"7\0", b"a", b"\0", b"72", b"", b"\xb2", b"7\0\0"))
        value = (text + dice.randbytes(8) if dice.random() < 0.5 else bytes(dice.choice((0, 0, 1, 2, 72)) for _ in range(32)))[
            : SIZES[kind] * count
        ]
        if kind == 2 and len(text) <= 2 and dice.random() < 0.7:
            value, count = text, len(text)
        if SIZES[kind] * count <= 4:
            stored = value.ljust(4, b"\0")
        else:
            offset = 8 + 2 + 12 * len(chosen) + 4 + len(later)
            stored = struct.pack(order + "I", offset if dice.random() < 0.9 else dice.randrange(1 << 32))
            later += value.ljust(min(SIZES[kind] * count, 64), b"\0")
        entries += struct.pack(order + "HHI", tag, kind, count) + stored
    start = 8 if dice.random() < 0.95 else dice.randrange(40)
    count = len(chosen) if dice.random() < 0.95 else dice.randrange(300)
    made = magic + struct.pack(order + "I", start) + struct.pack(order + "H", count) + entries + bytes(4) + later
    return made if dice.random() < 0.9 else made[: dice.randrange(len(made))]
