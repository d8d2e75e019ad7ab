"""What an entry of `weights` may be: a torchvision name, `random`, or `file:` and a path."""

from __future__ import annotations

FILE = "file:"
NO_PATH = f"'{FILE}' names no file"
# What to write instead.
EXAMPLE = f"{FILE}weights/resnet18.safetensors"


def started(backbone: str, had: str) -> str:
    """The backbone with the weights that it started from, as tables name it."""
    return f"{backbone} ({had.rpartition('/')[2]})"


def lacks_path(entry: str) -> bool:
    """Whether nothing stands behind `file:`. The path of nothing is the current folder."""
    return entry.startswith(FILE) and not entry.removeprefix(FILE).strip()
