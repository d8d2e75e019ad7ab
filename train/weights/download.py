"""Download of one file whose name carries the start of its sha256: checked, resumed, atomic, cached."""

from __future__ import annotations

import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from contract import artifact, lock
from contract.errors import EnvironmentFault
from train.progress import receiving

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
TIMEOUT_S = 10
TRIES = 3
# A mirror: replaces scheme and host of torchvision's addresses.
MIRROR = "CONCORD_WEIGHTS_URL"


class DownloadFailedError(EnvironmentFault):
    """The file could not be had; the next of the asked weights is tried."""


def fetch(url: str, folder: Path, *, offline: bool) -> Path:
    """The file of `url` in `folder`, downloaded unless it is there. Raises DownloadFailedError."""
    name = Path(urllib.parse.urlsplit(url).path).name
    path = folder / name
    if path.is_file() and _intact(path, name):
        return path
    if offline:
        raise DownloadFailedError(f"{name} is not in {folder}, and --offline was said", where=url, next="leave --offline out")
    # One process a file: two would write into the same part.
    with lock.exclusive(folder / ".locks" / name, f"downloading {name}", way_out="or give this run its own --data DIR"):
        if not (path.is_file() and _intact(path, name)):  # another process may have ended it just now
            _download(mirrored(url), path)
    return path


def _download(url: str, path: Path) -> None:
    folder, name = path.parent, path.name
    partial = folder / f"{name}.part"
    for attempt in range(TRIES):
        before = partial.stat().st_size if partial.is_file() else 0
        _say(f"downloading {url}" + (f", from byte {before}" if before else ""))
        try:
            complete = _receive(url, partial, before)
        except (urllib.error.URLError, HTTPException) as fault:
            progress = partial.is_file() and partial.stat().st_size > before
            if attempt + 1 == TRIES or not progress:
                raise DownloadFailedError(f"download failed: {_reason(fault)}", where=url, next=_next()) from fault
            continue
        if not complete:
            continue
        if _intact(partial, name):
            os.replace(partial, path)
            return
        partial.unlink()
        if before == 0:
            raise DownloadFailedError(
                f"the sha256 of what was downloaded does not begin as the name of {name} says", where=url, next=_next()
            )
    raise DownloadFailedError(f"the connection broke {TRIES} times", where=url, next="run again: it goes on where it stopped")


def mirrored(url: str) -> str:
    """The address at the mirror, where one is set."""
    mirror = os.environ.get(MIRROR)
    return mirror.rstrip("/") + urllib.parse.urlsplit(url).path if mirror else url


def _receive(url: str, partial: Path, offset: int) -> bool:
    """Append to `partial`, or write it anew when the server ignores the range; whether all announced bytes came."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})  # noqa: S310 - see _http_only
    _http_only(url)
    try:
        with _asked(request) as answer:
            resumed = answer.status == 206
            announced = answer.headers.get("Content-Length")
            start = offset if resumed else 0
            if announced is not None:
                artifact.need_disk(partial.parent, int(announced))
            total = None if announced is None else start + int(announced)
            with partial.open("ab" if resumed else "wb") as file, receiving(partial.stem, total, start) as came:
                for block in _blocks(answer):
                    file.write(block)
                    came(len(block))
                file.flush()
                os.fsync(file.fileno())
    except urllib.error.HTTPError as fault:
        fault.close()  # it holds the connection
        if fault.code == 416 and offset:  # nothing is left to send: the part is whole, or not of this file
            return True
        raise
    return announced is None or partial.stat().st_size == start + int(announced)


def _asked(request: urllib.request.Request) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
    except urllib.error.URLError:
        raise
    except OSError as fault:  # while the answer's first lines were read
        raise urllib.error.URLError(fault) from fault


def _blocks(answer: Any) -> Iterator[bytes]:
    """What comes. An OSError of reading is the network's, whatever its number; one of writing is the disk's, and no other weights help."""
    while True:
        try:
            block: bytes = answer.read(artifact.BLOCK)
        except OSError as fault:
            raise urllib.error.URLError(fault) from fault
        if not block:
            return
        yield block


def _http_only(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise DownloadFailedError("not an http address", where=url, next=f"correct {MIRROR}")


def _intact(path: Path, name: str) -> bool:
    match = HASH_IN_NAME.search(name)
    return match is None or artifact.sha256_file(path).startswith(match[1])


def _reason(fault: Exception) -> str:
    if isinstance(fault, urllib.error.HTTPError):
        return f"HTTP {fault.code} {fault.reason}"
    inner = getattr(fault, "reason", fault)
    return (inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)) or type(fault).__name__


def _next() -> str:
    return f"check the network, set {MIRROR} to a mirror, or give --weights file:PATH or --weights random"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
