"""Small whole files of every format, from which damaged ones are made: by Pillow's encoders, and by hand what they cannot write."""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image

from bench.fuzz.parts import png_chunk

SIZES = ((17, 13), (33, 9), (8, 8), (1, 1), (5, 40))
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# First column and row, and steps, of an interlaced image's passes.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Transparency by colour type: a grey, a colour, or a table, also with the one clear index that Pillow has a shortcut for.
CLEAR = {0: (b"\0\7",), 2: (b"\0\7\0\3\0\1",), 3: (b"\0\xff\xff", b"\xff\0", b"\x80\x07\0"), 4: (b"",), 6: (b"",)}
EXTRA = {
    "gAMA": b"\0\0\xb1\x8f",
    "sRGB": b"\0",
    "pHYs": b"\0\0\x0b\x13\0\0\x0b\x13\1",
    "tEXt": b"key\0text",
    "zTXt": b"key\0\0" + zlib.compress(b"text"),
    "iTXt": b"key\0\1\0en\0key\0" + zlib.compress(b"text"),
    "iCCP": b"name\0\0" + zlib.compress(b"profile"),
    "eXIf": b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
}


@cache
def seeds(form: str) -> tuple[bytes, ...]:
    """Whole files of a format of contract.pictures.FORMATS; always the same ones for one Pillow."""
    return tuple({"JPEG": _jpegs, "PNG": _pngs, "WEBP": _webps, "BMP": _bmps, "GIF": _gifs}[form]())


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A ramp with noise: every row and column differs from the next."""
    dice = random.Random(width * 1000 + height)
    pixels = bytes((x * 7 + y * 11 + c * 60 + dice.randrange(40)) % 256 for y in range(height) for x in range(width) for c in range(4))
    return Image.frombytes("RGBA", (width, height), pixels).convert(mode)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """The bytes of an image file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _jpegs() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x0128], exif[0x010F] = 6, 72.0, 2, "maker"
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("RGB", {"subsampling": 0}),
        ("RGB", {"subsampling": 1, "quality": 95}),
        ("RGB", {"subsampling": 2, "quality": 5}),
        ("RGB", {"progressive": True}),
        ("L", {"optimize": True}),
        ("L", {"progressive": True, "restart_marker_blocks": 1}),
        ("CMYK", {}),
        ("RGB", {"restart_marker_rows": 1, "dpi": (72, 72)}),
        ("RGB", {"exif": exif, "comment": b"words"}),
        ("RGB", {"icc_profile": bytes(200)}),
    ]
    made = [encoded(picture(*size, mode), "JPEG", **options) for size in SIZES[:3] for mode, options in kinds]
    two = {"save_all": True, "append_images": [picture(8, 8)]}
    return [*made, encoded(picture(1, 1), "JPEG"), encoded(picture(17, 13), "MPO", **two), encoded(picture(9, 9), "MPO", exif=exif, **two)]


def _pngs() -> list[bytes]:
    dice = random.Random("png")
    made = []
    for colour, depths in DEPTHS.items():
        for depth in depths:
            made += [png(dice.choice(SIZES), depth, colour, interlaced, dice) for interlaced in (0, 1)]
    film = [picture(9, 7), picture(9, 7).rotate(90)]
    made.append(encoded(film[0], "PNG", save_all=True, append_images=film[1:]))
    made.append(encoded(film[0], "PNG", save_all=True, append_images=film[1:], default_image=True))
    return made


def png(size: tuple[int, int], depth: int, colour: int, interlaced: int, dice: random.Random) -> bytes:
    """Noise as PNG, of any of its colour types and depths, under random filters."""
    width, height = size
    bits = depth * CHANNELS[colour]
    passes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in ADAM7] if interlaced else [(width, height)]
    lengths = [(columns * bits + 7) // 8 for columns, rows in passes if columns > 0 for _ in range(rows)]
    packed = zlib.compress(b"".join(bytes([dice.randrange(5)]) + dice.randbytes(length) for length in lengths), dice.choice((0, 1, 9)))
    body = [png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))]
    body += [png_chunk(b"PLTE", dice.randbytes(3 * min(1 << depth, 200)))] if colour == 3 else []
    body += [png_chunk(name.encode(), EXTRA[name]) for name in dice.sample(sorted(EXTRA), 3)]
    body += [png_chunk(b"tRNS", dice.choice(CLEAR[colour]))] if dice.random() < 0.4 else []
    half = len(packed) // 2
    body += [png_chunk(b"IDAT", packed[:half]), png_chunk(b"IDAT", packed[half:]), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _webps() -> list[bytes]:
    clear = picture(17, 13, "RGBA")
    kinds: list[tuple[Image.Image, dict[str, Any]]] = [
        (picture(17, 13), {"quality": 60}),
        (picture(33, 9), {"quality": 5, "method": 4}),
        (picture(5, 40), {"lossless": True}),
        (clear, {"quality": 50}),
        (clear, {"lossless": True, "exact": True}),
        (picture(1, 1), {"lossless": True}),
        (clear, {"save_all": True, "append_images": [clear.rotate(180)], "duration": 20}),
        (picture(20, 20), {"save_all": True, "append_images": [picture(20, 20).rotate(90)], "lossless": True}),
        (picture(16, 16).quantize(4).convert("RGB"), {"lossless": True}),
        (picture(17, 13), {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", "icc_profile": bytes(40)}),
    ]
    return [encoded(image, "WEBP", **options) for image, options in kinds]


def _gifs() -> list[bytes]:
    made = []
    for size in SIZES:
        for colours in (2, 7, 256):
            few = picture(*size).quantize(colours)
            made += [encoded(few, "GIF"), encoded(few, "GIF", interlace=False, transparency=1, comment=b"words")]
    few = picture(17, 13).quantize(9)
    film = {"save_all": True, "append_images": [picture(17, 13).rotate(90)], "disposal": 2, "loop": 0}
    # 200 x 200 pixels of noise are more than the 64 KiB that Pillow reads at once.
    noise = Image.frombytes("L", (300, 300), random.Random("gif").randbytes(90_000))
    return [*made, encoded(few, "GIF", **film), encoded(picture(33, 9, "L"), "GIF"), encoded(few, "GIF", disposal=3), encoded(noise, "GIF")]


def _bmps() -> list[bytes]:
    dice = random.Random("bmp")
    greys = b"".join(bytes([grey] * 3 + [0]) for grey in range(256))
    made = [encoded(picture(*size, mode), "BMP") for size in SIZES for mode in ("1", "L", "RGB", "RGBA")]
    for bits in (1, 4, 8):
        for palette in (dice.randbytes(4 << bits), dice.randbytes(8), greys[: 4 << bits], b"\0\0\0\0\xff\xff\xff\0"):
            made += [bmp(dice, bits, packing, palette) for packing in ((0,) if bits == 1 else (0, 1 if bits == 8 else 2))]
    made += [bmp(dice, bits, 0, b"") for bits in (16, 24, 32)]
    masks = [(16, (0xF800, 0x7E0, 0x1F)), (16, (0x7C00, 0x3E0, 0x1F)), (24, (0xFF0000, 0xFF00, 0xFF)), (32, (0xFF0000, 0xFF00, 0xFF))]
    made += [bmp(dice, bits, 3, struct.pack("<3I", *each)) for bits, each in masks]
    made += [bmp(dice, 32, 3, struct.pack("<4I", 0xFF, 0xFF00, 0xFF0000, 0xFF000000), size) for size in (56, 64, 108, 124)]
    made += [bmp(dice, 8, 0, dice.randbytes(768), 12), bmp(dice, 24, 0, b"", 12)]
    return made


def bmp(dice: random.Random, bits: int, packing: int, table: bytes, size: int = 40, pixels: tuple[int, int] | None = None) -> bytes:
    """Noise as BMP.

    `table`: the palette, or the masks where `packing` is 3. `size`: of the header, which tells its kind. `pixels`: width and height.
    """
    width, height = pixels or dice.choice(SIZES)
    stride = (width * bits + 31) // 32 * 4
    data = dice.randbytes(stride * height + dice.choice((0, 0, 300)))
    if packing in (1, 2):
        runs = b"".join(dice.choice((bytes([dice.randrange(1, 20), dice.randrange(256)]), b"\0\0")) for _ in range(20 * height))
        data = b"\0\3\1\2\3\0\0\4\5\6\7\x08" + runs + b"\0\2\1\1" + bytes([250, 7, 0, 0]) * height
    if size == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        colours = len(table) // 4 if packing != 3 else 0
        rows = dice.choice((height, -height))
        head = struct.pack("<IiiHHIIIIII", size, width, rows, 1, bits, packing, 0, 2835, 2835, colours, 0)
        if size > 40:
            head, table = (head + table).ljust(size, b"\0"), b""
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head) + len(table)) + head + table + data
