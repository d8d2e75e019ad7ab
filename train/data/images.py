"""Image files to pixels, with Pillow: the formats that all runtimes read, decoded in full."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from contract import scans
from contract.errors import DataError
from contract.pictures import BROKEN, FORMATS, JPEGS, NO_FILE, ORIENTATION, orientation, refusal
from train.data.found import Checked, Listed
from train.progress import Over

READABLE = "replace it: JPEG, PNG, WebP, BMP, GIF are read"
REPLACE = "replace it, or leave such images out and count them: --skip-bad-images"

# Its warning about huge images counts as a fault.
DECODE_FAULTS: tuple[type[Exception], ...] = (*BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning)

# One process-wide rule of Pillow: above 89 million pixels it only warns, above twice that it refuses. Here both refuse.
warnings.simplefilter("error", Image.DecompressionBombWarning)


def decode(source: Path | bytes, *, orient: bool = False, name: str | None = None) -> Image.Image:
    """The image as RGB, decoded in full; where `orient`, turned by its EXIF orientation. Raises DataError naming the file."""
    image, stated = read(source, orient=orient, name=name)
    return turned(image, stated)


def read(source: Path | bytes, *, orient: bool = True, name: str | None = None) -> tuple[Image.Image, int | None]:
    """The image as RGB, and the EXIF orientation that it states, None where it states none or `orient` is false.

    `name`: of the file that bytes come from. Raises DataError naming it.
    """
    if isinstance(source, Path):
        return read(whole(source), orient=orient, name=str(source))
    where = name or "image"
    try:
        with Image.open(io.BytesIO(source), formats=FORMATS) as opened:
            # A file that has a name Pillow may map into memory, and reads some bitmaps then that it refuses without one.
            opened.filename = name or ""
            if opened.format in JPEGS and (reason := scans.refusal(source, *opened.size)):
                raise DataError(reason, where=where, next="replace it")
            # Decoded first: a PNG file may state it behind its pixels.
            return opened.convert("RGB"), orientation(opened) if orient else None
    except DECODE_FAULTS as fault:
        raise DataError(f"not a readable image: {_reason(fault)}", where=where, next=READABLE) from fault


def whole(path: Path) -> bytes:
    """The bytes of an image file. Raises DataError for a missing one, and, unread, for one that is huge or of a foreign format."""
    try:
        if reason := refusal(path):
            raise DataError(reason, where=str(path), next=READABLE)
        return path.read_bytes()
    except (OSError, ValueError, MemoryError) as fault:
        if isinstance(fault, ValueError) or (isinstance(fault, OSError) and fault.errno in NO_FILE):
            raise DataError("no such image file", where=str(path), next="check the path, or the list that names it") from fault
        raise DataError(f"not a readable image: {_reason(fault)}", where=str(path), next=READABLE) from fault


def turned(image: Image.Image, stated: int | None) -> Image.Image:
    """Upright by `PIL.ImageOps.exif_transpose` itself, when it is stored as this EXIF orientation says."""
    if stated is None:
        return image
    bare = image.copy()
    # It would write the other EXIF data anew, and may fail at damaged ones.
    bare.info.clear()
    bare.getexif()[ORIENTATION] = stated
    return ImageOps.exif_transpose(bare)


def _reason(fault: BaseException) -> str:
    text = str(fault).split(" <_io.")[0].removesuffix(" file")
    return text or type(fault).__name__


@dataclass(frozen=True)
class Verified:
    """What a pass over all files found: readable images in listed order, and the refused ones with the reason."""

    good: tuple[Checked, ...]
    bad: tuple[str, ...]


def verify(root: Path, listed: Sequence[Listed], *, skip_bad: bool, threads: int, over: Over[Checked | DataError] = iter) -> Verified:
    """Read each file once: hash it, and decode it in full (a header check accepts half a JPEG). `over` shows how far it is.

    Raises DataError naming the first unreadable image, unless `skip_bad`.
    """
    with ThreadPoolExecutor(min(4, threads)) as pool:  # Pillow and hashlib leave the interpreter's lock
        checked = list(over(pool.map(lambda item: _check(root, item), listed)))
    bad = tuple(f"{item.path}: {result.what}" for item, result in zip(listed, checked, strict=True) if isinstance(result, DataError))
    first = next((result for result in checked if isinstance(result, DataError)), None)
    if first is not None and not skip_bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise DataError(f"{first.what}{more}", where=first.where, next=REPLACE)
    return Verified(tuple(result for result in checked if isinstance(result, Checked)), bad)


def _check(root: Path, item: Listed) -> Checked | DataError:
    path = root / item.path
    try:
        if reason := refusal(path):
            return DataError(reason, where=str(path), next=REPLACE)
        data = path.read_bytes()
        decode(data)
    except DataError as error:
        return DataError(error.what, where=str(path), next=REPLACE)
    except OSError as fault:
        return DataError(f"cannot be read: {fault.strerror}", where=str(path), next=REPLACE)
    return Checked(item.path, item.label, item.split, hashlib.sha256(data).hexdigest())
