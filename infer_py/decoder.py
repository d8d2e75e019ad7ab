"""The JPEG decoder that Pillow brings, for receipts."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PIL import Image, features

SIMD_MARK = b"JSIMD_FORCE"  # names of environment variables that libjpeg-turbo reads only where it was built with SIMD


def jpeg() -> str:
    """The JPEG decoder that Pillow was built with."""
    turbo = features.version_feature("libjpeg_turbo")
    return f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version_codec('jpg')}"


def jpeg_simd() -> bool | None:
    """Whether the loaded libjpeg-turbo has SIMD; None where the library cannot be found among the mapped files."""
    Image.init()
    with contextlib.suppress(OSError):
        mapped = {line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libjpeg" in line}
        if len(mapped) == 1:
            return SIMD_MARK in Path(mapped.pop()).read_bytes()
    return None
