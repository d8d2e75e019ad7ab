"""Where the names of points stand: beside them, and where there is room on no other point, interval or name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

# Of the page's font at 12 units, rather more than less: which font a reader has nobody knows.
NARROW, BROAD, ASCENT, DESCENT = 7.0, 12.0, 11.5, 3.5
# From a point's middle to its name.
GAP = 8.0


@dataclass(frozen=True)
class Box:
    """A rectangle; `top` is less than `bottom`, as in a drawing."""

    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: Box) -> float:
        """The area that both cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, across) * max(0.0, down)

    @property
    def area(self) -> float:
        """All that it covers."""
        return self.shared(self)


@dataclass(frozen=True)
class Name:
    """A text to stand beside the point at (x, y)."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Place:
    """Where a text stands: its base line's `y`, and the `x` of its start, middle or end."""

    x: float
    y: float
    anchor: Literal["start", "middle", "end"]

    def box(self, text: str) -> Box:
        """What the text is thought to cover."""
        wide = width(text)
        left = self.x - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return Box(left, self.y - ASCENT, left + wide, self.y + DESCENT)


def width(text: str) -> float:
    """An estimate."""
    return sum(BROAD if unicodedata.east_asian_width(sign) in "WF" else NARROW for sign in text)


def place(names: Sequence[Name], marks: Sequence[Box], room: Box) -> list[Place]:
    """A place for each name, one after the other: the first that is free, or the one that covers least of `marks` and earlier names."""
    taken, found = list(marks), list[Place]()
    for name in names:

        def cost(where: Place, text: str = name.text) -> float:
            box = where.box(text)
            return sum(box.shared(other) for other in taken) + box.area - box.shared(room)

        found.append(min(_around(name), key=cost))
        taken.append(found[-1].box(name.text))
    return found


def _around(name: Name) -> Iterator[Place]:
    """Right, left, above, below, then the corners."""
    level, above, below = name.y + (ASCENT - DESCENT) / 2, name.y - GAP - DESCENT, name.y + GAP + ASCENT
    yield Place(name.x + GAP, level, "start")
    yield Place(name.x - GAP, level, "end")
    yield Place(name.x, above, "middle")
    yield Place(name.x, below, "middle")
    for y in (above, below):
        yield Place(name.x + GAP / 2, y, "start")
        yield Place(name.x - GAP / 2, y, "end")
