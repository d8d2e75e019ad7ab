"""Files taken apart into their parts and put together again, with the lengths and sums that the format asks for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@dataclass
class Parts:
    """`head`, then named bodies, then `tail`, which is whatever is not taken apart."""

    head: bytes
    bodies: list[tuple[bytes, bytes]] = field(default_factory=list)
    tail: bytes = b""


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its length and its right sum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def split_png(data: bytes) -> Parts:
    """Chunks by name, as far as they are whole."""
    parts, at = Parts(data[:8]), 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        parts.bodies.append((data[at + 4 : at + 8], data[at + 8 : end - 4]))
        at = end
    parts.tail = data[at:]
    return parts


def join_png(parts: Parts) -> bytes:
    """The file."""
    return parts.head + b"".join(png_chunk(name, body) for name, body in parts.bodies) + parts.tail


def split_jpeg(data: bytes) -> Parts:
    """Segments by marker, up to the first scan; `tail` begins with it."""
    parts, at = Parts(data[:2]), 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            break
        parts.bodies.append((data[at : at + 2], data[at + 4 : end]))
        at = end
    parts.tail = data[at:]
    return parts


def join_jpeg(parts: Parts) -> bytes:
    """The file; bodies longer than a segment can be are cut."""
    bodies = [(marker, body[:65_533]) for marker, body in parts.bodies]
    return parts.head + b"".join(marker + struct.pack(">H", len(body) + 2) + body for marker, body in bodies) + parts.tail


def split_riff(data: bytes) -> Parts:
    """Chunks by name; `head` is without the length of the whole, which `join_riff` works out."""
    parts, at = Parts(data[8:12]), 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            break
        parts.bodies.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    parts.tail = data[at:]
    return parts


def join_riff(parts: Parts) -> bytes:
    """The file, with even chunks and the right length."""
    chunks = b"".join(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in parts.bodies)
    whole = parts.head + chunks + parts.tail
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def split_gif(data: bytes) -> Parts:
    """Extensions and frames, each with its blocks of data; `head` is the screen and its palette."""
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 128 else 0)
    parts = Parts(data[:at])
    while at + 2 < len(data) and data[at : at + 1] in {b"!", b","}:
        begin, kind = at, data[at : at + 1]
        if kind == b"!":
            at += 2
        else:
            at += 11 + (3 << (data[at + 9] & 7) + 1 if at + 9 < len(data) and data[at + 9] & 128 else 0)
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        parts.bodies.append((kind, data[begin + 1 : at]))
    parts.tail = data[at:]
    return parts


def join_gif(parts: Parts) -> bytes:
    """The file."""
    return parts.head + b"".join(kind + body for kind, body in parts.bodies) + parts.tail


def split_bmp(data: bytes) -> Parts:
    """One part: headers and palette; `tail` are the pixels."""
    start = min(max(int.from_bytes(data[10:14], "little"), 14), len(data))
    return Parts(data[:14], [(b"", data[14:start])], data[start:])


def join_bmp(parts: Parts) -> bytes:
    """The file."""
    return parts.head + b"".join(body for _, body in parts.bodies) + parts.tail


FORMS: dict[str, tuple[Callable[[bytes], Parts], Callable[[Parts], bytes]]] = {
    "JPEG": (split_jpeg, join_jpeg),
    "PNG": (split_png, join_png),
    "WEBP": (split_riff, join_riff),
    "BMP": (split_bmp, join_bmp),
    "GIF": (split_gif, join_gif),
}
