"""JPEG files that take hours: each of their scans goes over all pixels once more, and a scan needs but ten bytes.

The limit of pixels bounds what an image takes in memory, not how often it is painted. infer_rs/src/image/jpeg_scans.rs has the same rule.
"""

from __future__ import annotations

import re

# Pixels times scans: 96 scans of the largest image allowed. Encoders write 10 of a progressive one, and the format's own bound is near 200.
MOST_PAINTED = 1 << 33
# A scan costs something, however small the image is.
LEAST_PIXELS = 1 << 12
SCAN, END = 0xDA, 0xD9
# Markers without a body; in pixel data FF 00 is a byte, FF D0 to FF D7 a restart, and a row of FF is padding.
BARE = frozenset({0x01, 0xD8})
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)


def refusal(file: bytes, width: int, height: int) -> str | None:
    """Why a JPEG file of so many pixels is refused for its number of scans, or None."""
    most = MOST_PAINTED // max(width * height, LEAST_PIXELS)
    # Nearly always the whole file has too few pairs of such bytes, wherever they stand.
    if file.count(b"\xff\xda") <= most or (scans := count(file)) <= most:
        return None
    return f"{scans} scans of {width} x {height} pixels are more than {most}: could be a decompression bomb"


def count(file: bytes) -> int:
    """Scans before the end of the (first) image: those in thumbnails, and in what is appended, are not counted."""
    scans, at = 0, 2
    while found := MARKER.search(file, at):
        code, at = found[1][0], found.end()
        if code == END:
            break
        if code not in BARE:
            at += max(2, int.from_bytes(file[at : at + 2]))
        scans += code == SCAN
    return scans
