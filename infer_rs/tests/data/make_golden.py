"""Writes images/ and golden.json beside this file: what Pillow 13.0.0 makes of small images. Run it with the project's Python.

    .venv/bin/python infer_rs/tests/data/make_golden.py

Expectations are sha256 sums of pixels, so the data stay small. Inputs of the resize cases are noise from a generator that
tests/golden.rs has, too.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).resolve().parent
IMAGES = HERE / "images"
RESIZES = [  # width, height -> width, height: down, up, one pass, tall (the pass order of Pillow 13), wide, 1 pixel
    (64, 48, 32, 24), (61, 47, 29, 31), (20, 15, 61, 44), (50, 40, 50, 20), (50, 40, 25, 40), (30, 120, 21, 35), (30, 120, 29, 119),
    (120, 30, 35, 21), (31, 100, 60, 50), (7, 200, 7, 40), (9, 300, 4, 64), (200, 3, 20, 9), (1, 50, 8, 8), (1, 1, 5, 5),
    (224, 224, 256, 256), (90, 67, 12, 12), (33, 34, 33, 34),
]  # fmt: skip
SPECS = {"imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "half": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])}


@cache
def noise(width: int, height: int) -> np.ndarray:
    """The bytes that `noise` of tests/golden.rs makes."""
    state, values = 12345, bytearray()
    for _ in range(3 * width * height):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(state >> 24)
    return np.frombuffer(bytes(values), np.uint8).reshape(height, width, 3)


def photo(width: int, height: int) -> Image.Image:
    """Smooth colours with edges and a little noise: JPEG has something to do at every frequency."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [128 + 100 * np.sin(x / 7 + y / 11), 255 * ((x // 9 + y // 5) % 2), 255 * x / max(width - 1, 1)]
    grain = noise(width, height).astype(np.float64) / 8 - 16
    return Image.fromarray(np.clip(np.stack(planes, -1) + grain, 0, 255).astype(np.uint8))


def jpegs() -> dict[str, bytes]:
    """Samplings, grey, progressive, CMYK, restarts, odd sizes; and damaged ones."""
    files = {}
    for name, size, mode, options in [
        ("420", (61, 43), "RGB", {"subsampling": "4:2:0"}), ("422", (43, 61), "RGB", {"subsampling": "4:2:2"}),
        ("444", (17, 33), "RGB", {"subsampling": "4:4:4"}), ("grey", (41, 29), "L", {}), ("one", (1, 1), "RGB", {}),
        ("progressive", (61, 43), "RGB", {"progressive": True}), ("grey-progressive", (35, 27), "L", {"progressive": True}),
        ("cmyk", (37, 23), "CMYK", {}), ("restart", (61, 43), "RGB", {"restart_marker_rows": 1}), ("q30", (48, 48), "RGB", {"quality": 30}),
    ]:  # fmt: skip
        out = io.BytesIO()
        photo(*size).convert(mode).save(out, "JPEG", **{"quality": 85, **options})
        files[f"{name}.jpg"] = out.getvalue()
    whole = files["420.jpg"]
    files["cut-in-data.jpg"] = whole[: len(whole) * 2 // 3]
    files["no-end.jpg"] = whole[:-2]
    files["no-scan.jpg"] = whole[: whole.index(b"\xff\xda")]
    files["junk-before-end.jpg"] = whole[:-2] + b"\x00\x17" + whole[-2:]
    files["bad-table.jpg"] = whole.replace(b"\xff\xc4\x00\x1f\x00", b"\xff\xc4\x00\x1f\x07", 1)
    files["progressive-cut.jpg"] = files["progressive.jpg"][:-40]
    return files


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def filtered(rows: list[bytes], step: int, kinds: bytes) -> bytes:
    """Rows with PNG's filters, `kinds` in turn."""
    out, above = bytearray(), bytes(len(rows[0]))
    for number, row in enumerate(rows):
        kind = kinds[number % len(kinds)]
        out.append(kind)
        for at, byte in enumerate(row):
            left, corner = (row[at - step], above[at - step]) if at >= step else (0, 0)
            up = above[at]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda near: abs(guess - near))
            out.append((byte - [0, left, up, (left + up) // 2, paeth, 0][kind]) & 255)
        above = row
    return bytes(out)


def png(width: int, height: int, depth: int, colour: int, interlaced: bool, extra: bytes = b"", kinds: bytes = b"\0\1\2\3\4") -> bytes:
    """A PNG of noise, of any colour type and depth."""
    bits = depth * CHANNELS[colour]
    samples = noise(256, 32).tobytes()

    def rows(columns: range, lines: range) -> list[bytes]:
        made = []
        for y in lines:
            row = 0
            for x in columns:
                at = 8 * (y * width + x)
                row = row << bits | int.from_bytes(samples[at : at + 8], "big") >> (64 - bits)
            size = (len(columns) * bits + 7) // 8
            made.append((row << (8 * size - len(columns) * bits)).to_bytes(size, "big"))
        return made

    passes = [(x, y, dx, dy) for x, y, dx, dy in ADAM7 if x < width and y < height] if interlaced else [(0, 0, 1, 1)]
    data = b"".join(filtered(rows(range(x, width, dx), range(y, height, dy)), max(bits // 8, 1), kinds) for x, y, dx, dy in passes)
    palette = chunk(b"PLTE", samples[: 3 * min(1 << depth, 200)]) if colour == 3 else b""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    packed = zlib.compress(data)
    parts = chunk(b"IDAT", packed[:20]) + chunk(b"IDAT", b"") + chunk(b"IDAT", packed[20:])
    return b"\x89PNG\r\n\x1a\n" + head + palette + extra + parts + chunk(b"IEND", b"")


def pngs() -> dict[str, bytes]:
    """Every colour type and depth, plain and interlaced; and damaged ones."""
    files = {}
    for colour, depths in {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}.items():
        for depth in depths:
            files[f"c{colour}d{depth}.png"] = png(13, 11, depth, colour, False)
            files[f"c{colour}d{depth}i.png"] = png(13, 11, depth, colour, True)
    files["narrow-interlaced.png"] = png(3, 2, 8, 2, True)
    files["palette-alpha.png"] = png(13, 11, 8, 3, False, chunk(b"tRNS", b"\xff\x00\x80"))
    files["grey-transparent.png"] = png(13, 11, 8, 0, False, chunk(b"tRNS", b"\x00\x07"))
    whole = files["c2d8.png"]
    files["cut.png"] = whole[: len(whole) // 2]
    data_sum = whole.index(b"IDAT") + 4 + 20
    files["wrong-data-sum.png"] = whole[:data_sum] + b"abcd" + whole[data_sum + 4 :]
    files["wrong-head-sum.png"] = whole[:29] + bytes([whole[29] ^ 1]) + whole[30:]
    files["unknown-filter.png"] = png(13, 11, 8, 2, False, kinds=b"\x05")
    files["short-transparency.png"] = png(13, 11, 8, 0, False, chunk(b"tRNS", b"\x00"))
    files["text-bomb.png"] = png(13, 11, 8, 0, False, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2 << 20), 9)))
    files["no-data.png"] = whole[:33] + chunk(b"IEND", b"")
    for name, interlaced in {"frame-beyond-image.png": 0, "frame-beyond-image-interlaced.png": 1}.items():
        # The frame fits the first header, and not the second one, which counts.
        large, small = (chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, interlaced)) for size in (8, 1))
        frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 0, 0, 0, 0))
        files[name] = whole[:8] + large + frame + small + chunk(b"IDAT", zlib.compress(bytes(8 * 9))) + chunk(b"IEND", b"")
    for name, depth, colour in [("grey", 8, 0), ("grey-alpha", 8, 4), ("grey-alpha16", 16, 4), ("bits", 1, 0), ("colour", 8, 2)]:
        # A second header turns the indices of the first one into something else.
        indices, other = png(13, 11, 8, 3, False), png(13, 11, depth, colour, False)
        files[f"{name}-after-palette.png"] = indices[: indices.index(b"IDAT") - 4] + other[8:]
    return files


def bmp(
    width: int, height: int, bits: int, packing: int = 0, palette: bytes = b"", masks: bytes = b"", pixels: bytes | None = None
) -> bytes:
    """A BMP with a header of 40 bytes (108 with four masks); its pixels are noise unless given."""
    size = 108 if len(masks) == 16 else 40
    start = 14 + size + (len(masks) if size == 40 else 0) + len(palette)
    sizes = struct.pack("<IiiHHIIIIII", size, width, height, 1, bits, packing, 0, 0, 0, len(palette) // 4, 0)
    head = b"BM" + struct.pack("<IHHI", 0, 0, 0, start) + (sizes + masks).ljust(size if size == 108 else 0, b"\0")
    stride = (width * bits + 31) // 32 * 4
    return head + palette + (noise(64, 64).tobytes()[: stride * abs(height)] if pixels is None else pixels)


def bmps() -> dict[str, bytes]:
    """Every depth, masks, runs, both directions, palettes that Pillow forgets; and damaged ones."""
    colours, greys = noise(16, 16).tobytes()[:1024], b"".join(bytes([grey] * 3 + [0]) for grey in range(256))
    runs = bytes([3, 7, 0, 3, 1, 2, 3, 0, 2, 5, 0, 0, 0, 2, 1, 1, 9, 4, 0, 0, 9, 6, 0, 0, 9, 5])
    files = {f"b{bits}.bmp": bmp(13, 11, bits) for bits in (16, 24, 32)}
    files |= {f"p{bits}.bmp": bmp(13, 11, bits, palette=colours[: 4 << bits]) for bits in (1, 4, 8)}
    files |= {f"runs{bits}.bmp": bmp(8, 4, bits, 1 if bits == 8 else 2, colours[: 4 << bits], pixels=runs) for bits in (4, 8)}
    files |= {f"ramp{bits}.bmp": bmp(13, 11, bits, palette=greys[: 4 << bits]) for bits in (4, 8)}
    files["ramp4-long.bmp"] = files["ramp4.bmp"] + bytes(range(200))
    files["bits.bmp"] = bmp(13, 11, 1, palette=b"\0\0\0\0\xff\xff\xff\0")
    files["top-down.bmp"] = bmp(13, -11, 24)
    for name, bits, masks in [
        ("565", 16, (0xF800, 0x7E0, 0x1F)),
        ("rgba", 32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
        ("odd", 16, (1, 2, 4)),
    ]:
        files[f"masks-{name}.bmp"] = bmp(13, 11, bits, 3, masks=struct.pack(f"<{len(masks)}I", *masks))
    files["cut.bmp"] = files["b24.bmp"][:-4]
    files["runs-cut.bmp"] = files["runs8.bmp"][:-10]
    return files


def gifs_and_webps() -> dict[str, bytes]:
    """By Pillow: palettes, interlace, transparency, canvas and frames, lossy and lossless; and damaged ones."""
    files = {}
    few, grey = photo(61, 43).quantize(8), photo(17, 33).convert("L")
    for name, image, options in [
        ("few", few, {}), ("few-plain", few, {"interlace": False}), ("clear", few, {"transparency": 3}), ("grey", grey, {}),
        ("film", few, {"save_all": True, "append_images": [few.rotate(90)]}),
    ]:  # fmt: skip
        out = io.BytesIO()
        image.save(out, "GIF", **options)
        files[f"{name}.gif"] = out.getvalue()
    whole = files["clear.gif"]
    # The frame lies at 7, 9 of what was its canvas.
    frame = whole.index(b",") + 1
    files["grown.gif"] = whole[:frame] + b"\7\0\x09\0" + whole[frame + 4 :]
    files["cut.gif"] = whole[: len(whole) // 2]
    files["no-frame.gif"] = whole[: frame - 1] + b";"
    clear = photo(61, 43).convert("RGBA")
    clear.putalpha(photo(61, 43).convert("L"))
    pixel = Image.new("RGB", (1, 1), (201, 102, 3))
    for name, image, options in [
        ("lossy", photo(61, 43), {"quality": 70}), ("lossless", photo(43, 61), {"lossless": True}), ("clear", clear, {}),
        ("film", clear, {"save_all": True, "append_images": [clear.rotate(90)]}), ("pixel", pixel, {"lossless": True}),
    ]:  # fmt: skip
        out = io.BytesIO()
        image.save(out, "WEBP", **options)
        files[f"{name}.webp"] = out.getvalue()
    files["cut.webp"] = files["lossy.webp"][: len(files["lossy.webp"]) // 2]
    return files


def seen_by_pillow(path: Path) -> dict[str, object]:
    """Size and sum of the pixels, or nulls when Pillow refuses the file."""
    try:
        with Image.open(path) as image:
            pixels = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return {"file": path.name, "width": None, "height": None, "sha256": None}
    return {"file": path.name, "width": pixels.width, "height": pixels.height, "sha256": digest(pixels.tobytes())}


def digest(data: bytes) -> str:
    """Hex sha256."""
    return hashlib.sha256(data).hexdigest()


def resizes() -> list[dict[str, object]]:
    """Sums of resized noise."""
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    return [
        {"from": [w, h], "to": [nw, nh], "filter": name, "sha256": digest(Image.fromarray(noise(w, h)).resize((nw, nh), how).tobytes())}
        for w, h, nw, nh in RESIZES
        for name, how in filters.items()
    ]


def floats() -> list[dict[str, object]]:
    """Sums of the 3 x 256 floats that bytes become, each step rounded to float32."""
    byte, made = np.arange(256, dtype=np.float32), []
    for mean, std in SPECS.values():
        for scale, scaled in [("x/255", byte / np.float32(255)), ("x*(1/255)", byte * np.float32(1 / 255))]:
            planes = [(scaled - np.float32(m)) / np.float32(s) for m, s in zip(mean, std, strict=True)]
            made.append({"scale": scale, "mean": mean, "std": std, "sha256": digest(np.stack(planes).astype("<f4").tobytes())})
    return made


def main() -> None:
    """Write everything."""
    IMAGES.mkdir(exist_ok=True)
    for old in IMAGES.iterdir():
        old.unlink()
    for name, data in {**jpegs(), **pngs(), **bmps(), **gifs_and_webps()}.items():
        (IMAGES / name).write_bytes(data)
    golden = {
        "generated_by": "make_golden.py; do not edit",
        "pillow": PIL.__version__,
        "images": [seen_by_pillow(path) for path in sorted(IMAGES.iterdir())],
        "resizes": resizes(),
        "floats": floats(),
    }
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
