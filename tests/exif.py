"""Files that state an EXIF orientation in every way that Pillow reads, and in many that are damaged."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

PREFIX = b"Exif\0\0"
ORIENTATION, WIDTH, SUB_IFD = 0x0112, 0x0100, 0x8769


def tiff(*entries: tuple[int, int, int, bytes], mark: bytes = b"MM\0*", tail: bytes = b"", count: int | None = None) -> bytes:
    """A TIFF directory of (tag, type, count, four bytes) and what follows it: the tail begins at 14 + 12 x entries."""
    order = ">" if mark.startswith(b"MM") else "<"
    made = mark + struct.pack(f"{order}L", 8) + struct.pack(f"{order}H", len(entries) if count is None else count)
    for tag, kind, number, value in entries:
        made += struct.pack(f"{order}HHL", tag, kind, number) + value
    return made + bytes(4) + tail


def short(value: int, order: str = ">") -> tuple[int, int, int, bytes]:
    """The usual entry."""
    return ORIENTATION, 3, 1, struct.pack(f"{order}HH", value, 0)


OFFSET = struct.pack(">L", 26)
BLOBS = {
    **{str(number): tiff(short(number)) for number in range(12)},
    "little-endian": tiff(short(6, "<"), mark=b"II*\0"),
    "swapped-mark": tiff(short(6), mark=b"MM*\0"),
    "swapped-little-mark": tiff(short(6, "<"), mark=b"II\0*"),
    "big-tiff": tiff(short(6, "<"), mark=b"II+\0"),
    "big-tiff-other": tiff(short(6), mark=b"MM\0+"),
    "huge": tiff(short(65535)),
    "long": tiff((ORIENTATION, 4, 1, struct.pack(">L", 6))),
    "ifd": tiff((ORIENTATION, 13, 1, struct.pack(">L", 6))),
    "byte": tiff((ORIENTATION, 1, 1, b"\6\0\0\0")),
    "text": tiff((ORIENTATION, 2, 2, b"6\0\0\0")),
    "undefined": tiff((ORIENTATION, 7, 1, b"\6\0\0\0")),
    "signed-byte": tiff((ORIENTATION, 6, 1, b"\6\0\0\0")),
    "signed-short": tiff((ORIENTATION, 8, 1, b"\0\6\0\0")),
    "signed-long": tiff((ORIENTATION, 9, 1, b"\0\0\0\6")),
    "negative": tiff((ORIENTATION, 9, 1, b"\xff\xff\xff\xfa")),
    "fraction": tiff((ORIENTATION, 5, 1, OFFSET), tail=struct.pack(">LL", 12, 2)),
    "uneven-fraction": tiff((ORIENTATION, 5, 1, OFFSET), tail=struct.pack(">LL", 13, 2)),
    "by-zero": tiff((ORIENTATION, 5, 1, OFFSET), tail=struct.pack(">LL", 6, 0)),
    "signed-fraction": tiff((ORIENTATION, 10, 1, OFFSET), tail=struct.pack(">ll", -6, -1)),
    "float": tiff((ORIENTATION, 11, 1, struct.pack(">f", 6.0))),
    "nan": tiff((ORIENTATION, 11, 1, struct.pack(">f", float("nan")))),
    "double": tiff((ORIENTATION, 12, 1, OFFSET), tail=struct.pack(">d", 8.0)),
    "long8": tiff((ORIENTATION, 16, 1, OFFSET), tail=struct.pack(">Q", 3)),
    "unknown-type": tiff((ORIENTATION, 99, 1, b"\0\6\0\0")),
    "two-values": tiff((ORIENTATION, 3, 2, b"\0\6\0\3")),
    "three-values": tiff((ORIENTATION, 3, 3, OFFSET), tail=b"\0\6\0\3\0\3"),
    "no-value": tiff((ORIENTATION, 3, 0, b"\0\6\0\0")),
    "twice": tiff(short(6), short(3)),
    "second-after-none": tiff((ORIENTATION, 3, 0, b"\0\6\0\0"), short(3)),
    "other-tags": tiff((WIDTH, 3, 1, b"\0\6\0\0"), short(8), (0x0128, 3, 1, b"\0\2\0\0")),
    "broken-sub-directory": tiff(short(6), (SUB_IFD, 4, 1, struct.pack(">L", 9999))),
    "value-outside": tiff((WIDTH, 3, 9, struct.pack(">L", 9999)), short(6), tail=bytes(40)),
    "value-too-large": tiff((WIDTH, 3, 99, OFFSET), short(6)),
    "count-too-large": tiff(short(6), count=9),
    "cut-in-the-entry": tiff(short(6))[:18],
    "cut-before-the-next": tiff(short(6))[:22],
    "directory-outside": b"MM\0*\0\0\xff\xff" + bytes(20),
    "no-tiff": b"hello, this is no TIFF",
    "short-head": b"MM\0*\0",
    "nothing": b"",
    "prefix-twice": PREFIX + tiff(short(6)),
    "prefix-three-times": PREFIX + PREFIX + tiff(short(6)),
}
PACKET = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
XMP = {
    "attribute": PACKET % 6,
    "element": b"<tiff:Orientation>3</tiff:Orientation>",
    "nine": PACKET % 9,
    "later": b"tiff:Orientation= " + PACKET % 8,
    "not-utf-8": b"\xff" + PACKET % 6,
    "empty": b"",
}


def drawn(width: int = 7, height: int = 5) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


def jpeg(image: Image.Image, *segments: bytes, jfif: bytes = b"JFIF\0\1\1\0\0\1\0\1\0\0") -> bytes:
    """A JPEG file with these APP1 segments; the default JFIF header gives no resolution, so Pillow looks for one in the EXIF data."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=95)
    body = buffer.getvalue()[20:]  # after SOI and the JFIF segment
    pieces = [(b"\xff\xe0", jfif), *((b"\xff\xe1", segment) for segment in segments)]
    return b"\xff\xd8" + b"".join(mark + struct.pack(">H", len(piece) + 2) + piece for mark, piece in pieces) + body


def png(image: Image.Image, *chunks: tuple[bytes, bytes], after: bool = False) -> bytes:
    """A PNG file with these chunks before its pixels, or after them."""
    buffer = BytesIO()
    image.save(buffer, "PNG")
    plain = buffer.getvalue()
    at = len(plain) - 12 if after else 33
    made = b"".join(struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body)) for name, body in chunks)
    return plain[:at] + made + plain[at:]


def webp(image: Image.Image, exif: bytes = b"", xmp: bytes = b"") -> bytes:
    buffer = BytesIO()
    image.save(buffer, "WEBP", lossless=True, exif=exif, xmp=xmp)
    return buffer.getvalue()


def raw_profile(data: bytes) -> bytes:
    """As ImageMagick writes it."""
    return b"Raw profile type exif\0\nexif\n%8d\n" % len(data) + data.hex().encode() + b"\n"


DPI = b"JFIF\0\1\1\1\0\1\0\1\0\0"
CASES: dict[str, Callable[[], bytes]] = {}
for _name, _blob in BLOBS.items():
    CASES[f"{_name}.jpg"] = lambda blob=_blob: jpeg(drawn(), PREFIX + blob)
    CASES[f"{_name}-dpi.jpg"] = lambda blob=_blob: jpeg(drawn(), PREFIX + blob, jfif=DPI)
    CASES[f"{_name}.png"] = lambda blob=_blob: png(drawn(), (b"eXIf", blob))
    CASES[f"{_name}-xmp.png"] = lambda blob=_blob: png(drawn(), (b"eXIf", blob), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET % 5))
    CASES[f"{_name}-raw.png"] = lambda blob=_blob: png(drawn(), (b"zTXt", _packed(raw_profile(PREFIX + blob))))
    CASES[f"{_name}.webp"] = lambda blob=_blob: webp(drawn(), blob)
for _name, _packet in XMP.items():
    CASES[f"xmp-{_name}.jpg"] = lambda packet=_packet: jpeg(drawn(), b"http://ns.adobe.com/xap/1.0/\0" + packet)
    CASES[f"xmp-{_name}.png"] = lambda packet=_packet: png(drawn(), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))
    CASES[f"xmp-{_name}-text.png"] = lambda packet=_packet: png(drawn(), (b"tEXt", b"XML:com.adobe.xmp\0" + packet))
    CASES[f"xmp-{_name}.webp"] = lambda packet=_packet: webp(drawn(), xmp=packet)
SIX, THREE = tiff(short(6)), tiff(short(3))
CASES |= {
    "none.jpg": lambda: jpeg(drawn()),
    "none.png": lambda: png(drawn()),
    "none.webp": lambda: webp(drawn()),
    "two-segments.jpg": lambda: jpeg(drawn(), PREFIX + SIX[:15], PREFIX + SIX[15:]),
    "second-xmp.jpg": lambda: jpeg(drawn(), *(b"http://ns.adobe.com/xap/1.0/\0" + PACKET % number for number in (6, 3))),
    "exif-and-xmp.jpg": lambda: jpeg(drawn(), PREFIX + SIX, b"http://ns.adobe.com/xap/1.0/\0" + PACKET % 3),
    "after-the-pixels.png": lambda: png(drawn(), (b"eXIf", SIX), after=True),
    "two-chunks.png": lambda: png(drawn(), (b"eXIf", SIX), (b"eXIf", THREE)),
    "text-named-exif.png": lambda: png(drawn(), (b"tEXt", b"exif\0" + SIX)),
    "packed-text-named-exif.png": lambda: png(drawn(), (b"zTXt", _packed(b"exif\0" + SIX))),
    "text-named-xmp.png": lambda: png(drawn(), (b"tEXt", b"xmp\0" + PACKET % 6)),
    "raw-odd.png": lambda: png(drawn(), (b"tEXt", raw_profile(SIX)[:-2] + b"\n")),
    "raw-spaces.png": lambda: png(drawn(), (b"tEXt", b"Raw profile type exif\0a\nb\nc\n" + SIX.hex(" ").encode())),
    "raw-no-lines.png": lambda: png(drawn(), (b"tEXt", b"Raw profile type exif\0" + SIX.hex().encode())),
    "raw-after-the-pixels.png": lambda: png(drawn(), (b"tEXt", raw_profile(SIX)), after=True),
    "raw-and-exif.png": lambda: png(drawn(), (b"tEXt", raw_profile(SIX)), (b"eXIf", THREE)),
    "film.png": lambda: _saved("PNG", save_all=True, append_images=[drawn().rotate(180)], exif=PREFIX + SIX),
    "film.webp": lambda: _saved("WEBP", save_all=True, append_images=[drawn().rotate(180)], exif=SIX, lossless=True),
    "stereo.mpo.jpg": lambda: _saved("MPO", save_all=True, append_images=[drawn()], exif=PREFIX + SIX),
    "plain.bmp": lambda: _saved("BMP"),
    "plain.gif": lambda: _saved("GIF"),
}


def _packed(text: bytes) -> bytes:
    key, _, rest = text.partition(b"\0")
    return key + b"\0\0" + zlib.compress(rest)


def _saved(format: str, **options: object) -> bytes:
    buffer = BytesIO()
    drawn().save(buffer, format, **options)
    return buffer.getvalue()


def write(folder: Path, *suffixes: str) -> list[Path]:
    """The files, or those of some formats."""
    made = []
    for name, make in CASES.items():
        if not suffixes or name.endswith(suffixes):
            (folder / name).write_bytes(make())
            made.append(folder / name)
    return made


def by_pillow(path: Path) -> tuple[int | None, np.ndarray]:
    """The orientation that a file states, and its upright pixels: by exif_transpose on the file itself, untouched where that fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged data
        with Image.open(path) as image:
            plain = image.convert("RGB")
            try:
                stated = image.getexif().get(ORIENTATION)
            except (SyntaxError, ValueError, TypeError, struct.error):
                stated = None
        orientation = int(stated) if stated in range(1, 9) else None
        with Image.open(path) as image:
            try:
                upright = ImageOps.exif_transpose(image).convert("RGB")
            except (SyntaxError, ValueError, TypeError, struct.error):
                assert orientation is None, f"{path.name}: states {orientation}, and cannot be turned"
                upright = plain
    return orientation, np.asarray(upright)
