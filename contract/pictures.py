"""What `train` and `infer_py`, which may not import each other, must say alike about image files: formats, and how decoders fail."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Protocol

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
ORIENTATION = 274  # the EXIF tag
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


class Opened(Protocol):
    """As much of Pillow's Image as is needed here, where Pillow is not imported."""

    def getexif(self) -> Any:
        """The EXIF data that the file states, as a mapping from tag to value."""


def orientation(opened: Opened) -> int | None:
    """The EXIF orientation, 1 to 8, that a decoded image states, as Pillow reads damaged data, other types and XMP, too.

    None where there is none, where it has another value, and where Pillow gives up on the data: the pixels are good all the same.
    A PNG file may state it behind its pixels, so they must have been decoded.
    """
    try:
        stated = opened.getexif().get(ORIENTATION)
    except BROKEN:
        return None
    # A fraction that is equal to one of them counts, too: Pillow looks it up in a dict.
    return next((number for number in range(1, 9) if stated == number), None)
