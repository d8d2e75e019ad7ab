"""A PNG file with several headers: what tRNS and PLTE said under one of them stands under the next, and Pillow may then refuse the file.

Found by `python -m bench fuzz --seed 9 --count 200000` (one file of 200,000); here every pair of headers with every kind of tRNS.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from bench.fuzz.judge import Decoder, by_pillow
from bench.fuzz.seeds import DEPTHS
from tests.infer_rs.conftest import decode_lines

KINDS = [(depth, colour) for colour, depths in DEPTHS.items() for depth in depths]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRNS = {
    "one-index": b"\xff\0\xff",
    "alphas": b"\x80\0\xff\7\7\7",
    "colour": b"\0\7\0\3\0\1",
    "beyond-a-byte": b"\1\0\0\3\0\1",
    "greys": b"\0\xff",
}
PALETTES = {"none": b"", "12": bytes(range(36)), "256": bytes(n % 256 for n in range(768))}


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(kind: tuple[int, int], size: tuple[int, int] = (3, 2)) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, *kind, 0, 0, 0))


def pixels(kind: tuple[int, int]) -> bytes:
    depth, colour = kind
    row = (3 * depth * SAMPLES[colour] + 7) // 8
    dice = random.Random(f"{kind}")
    return chunk(b"IDAT", zlib.compress(b"".join(b"\0" + dice.randbytes(row) for _ in range(2))))


def palette(colours: bytes) -> bytes:
    return chunk(b"PLTE", colours) if colours else b""


def files() -> Iterator[tuple[str, bytes]]:
    for one, two, trns, colours in product(KINDS, KINDS, TRNS, PALETTES):
        of = f"{one} {two} {trns} {colours}"
        said, table = chunk(b"tRNS", TRNS[trns]), palette(PALETTES[colours])
        yield f"{of} before", header(one) + said + header(two) + table + pixels(two)
        if one[1] == 3 and two[1] in {0, 4} and trns in {"colour", "beyond-a-byte"}:
            yield f"{of} between", header(one) + table + header((8, 2)) + said + header(two) + pixels(two)
        if trns != "greys":
            yield f"{of} behind", header(two) + table + pixels(two) + header(one) + said
    # A colour that is none finds no room in a palette of 256 whose indices all occur: then Pillow does not mind it.
    for used, count in product((255, 256), ("12", "256")):
        rows = b"".join(b"\0" + bytes(min(16 * row + column, used - 1) for column in range(16)) for row in range(16))
        said = chunk(b"tRNS", TRNS["beyond-a-byte"])
        data = chunk(b"IDAT", zlib.compress(rows))
        yield f"{used} used of {count}", header((8, 2), (16, 16)) + said + header((8, 3), (16, 16)) + palette(PALETTES[count]) + data


def test_every_pair_of_headers_is_read_as_pillow_reads_it(binary: Path, tmp_path: Path):
    paths = {}
    for number, (name, body) in enumerate(files()):
        paths[name] = tmp_path / f"{number}.png"
        paths[name].write_bytes(SIGNATURE + body + chunk(b"IEND", b""))
    wrong, outcomes = [], Counter[str]()
    with Decoder([str(binary), "decode", "-"]) as decoder:
        names = list(paths)
        for start in range(0, len(names), 64):
            some = names[start : start + 64]
            decoder.send([paths[name] for name in some])
            pillow = [by_pillow(paths[name]) for name in some]
            for name, ours, theirs in zip(some, decoder.answers([paths[name] for name in some]), pillow, strict=True):
                outcomes["read" if theirs.pixels else theirs.said.partition(":")[0]] += 1
                if not ours.agrees(theirs):
                    wrong.append(f"{name}: Pillow {theirs.text}, infer-rs {ours.text}")
    assert wrong == []
    assert {"read", "TypeError", "ValueError", "AssertionError"} <= set(outcomes)
    (full,) = decode_lines(binary, [paths["256 used of 256"]])
    assert "sha256" in full
