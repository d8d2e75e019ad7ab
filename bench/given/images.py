"""The images of a folder, as the test split of a data set that nobody trained on."""

from __future__ import annotations

from pathlib import Path

from contract import artifact
from contract.errors import DataError
from contract.manifest import ImageEntry

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})
UNKNOWN = -1


def entries(root: Path, classes: tuple[str, ...]) -> tuple[tuple[ImageEntry, ...], tuple[str, ...]]:
    """Every image file below a folder, in the order of their paths, hidden ones left out; and a note where other files lie there.

    Where all of them lie in folders called like classes, these are their labels; otherwise no label is known. Raises DataError for a
    missing or an empty folder.
    """
    if not root.is_dir():
        raise DataError("no such folder", where=str(root), next="give --images a folder of images")
    files = sorted(path for path in root.rglob("*") if path.is_file() and not _hidden(path, root))
    paths = [path for path in files if path.suffix.lower() in SUFFIXES]
    others = [path.relative_to(root).as_posix() for path in files if path.suffix.lower() not in SUFFIXES]
    if not paths:
        raise DataError(
            f"no images: no file ends with {', '.join(sorted(SUFFIXES))}", where=str(root), next="give --images a folder of images"
        )
    folders = [path.relative_to(root).parts[0] for path in paths if path.parent != root]
    known = len(folders) == len(paths) and set(folders) <= set(classes)
    labels = [classes.index(name) for name in folders] if known else [UNKNOWN] * len(paths)
    found = tuple(
        ImageEntry(path.relative_to(root).as_posix(), label, artifact.sha256_file(path)) for path, label in zip(paths, labels, strict=True)
    )
    return found, (f"{len(others)} files that are no images by name were left out, such as {others[0]}",) if others else ()


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
