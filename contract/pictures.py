"""What `train` and `infer_py`, which may not import each other, must say alike about image files: formats, and how decoders fail."""

from __future__ import annotations

import struct
import zlib

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
# What Pillow's decoders raise on broken files, found by fuzzing them: most is OSError, PNG raises SyntaxError, too. Pillow's own two for
# huge images are added where it is imported.
BROKEN: tuple[type[Exception], ...] = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)
