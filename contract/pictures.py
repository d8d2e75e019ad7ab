"""What `train` and `infer_py`, which may not import each other, must say alike about image files: formats, and how decoders fail."""

from __future__ import annotations

import errno
import stat
import struct
import zlib
from pathlib import Path
from typing import Any, Protocol

from contract.errors import EnvironmentFault

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
# What Pillow calls a JPEG file: one with several images is an MPO.
JPEGS = ("JPEG", "MPO")
ORIENTATION = 274  # the EXIF tag
# Larger files are refused unread by all runtimes: the largest image allowed takes 716 MB as an uncompressed PNG of 16 bits a sample.
# infer_rs/src/image/mod.rs has the same.
MOST_BYTES = 1 << 30
# First bytes of formats that Pillow could read and Concord does not: they are refused by name. infer_rs/src/image/mod.rs has the same.
FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\1\0", "ICO"),
    (b"8BPS", "PSD"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"%PDF-", "PDF"),
)
# A name that leads to no file is bad data; any other failure to read is the machine's.
NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL})
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
    # convert() asserts that a transparent index has a palette.
    AssertionError,
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


def refusal(path: Path) -> str | None:
    """Why a file is refused by its kind, its size or its first 16 bytes alone, in the words of infer_rs, or None.

    Raises OSError where the path leads to no file, and EnvironmentFault where there is one that cannot be read.
    """
    try:
        about = path.stat()
        # Opening a pipe would wait for its other end.
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            return "not a file"
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as fault:
        if fault.errno in NO_FILE:
            raise
        raise EnvironmentFault(f"cannot be read: {fault.strerror}", where=str(path), next="check the path and its permissions") from fault
    name = "AVIF or HEIF" if head[4:8] == b"ftyp" else next((name for magic, name in FOREIGN if head.startswith(magic)), None)
    if name:
        return f"format not supported: {name}"
    return f"a file of {about.st_size} bytes, more than {MOST_BYTES}" if about.st_size > MOST_BYTES else None
