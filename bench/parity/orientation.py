"""How many images state an EXIF orientation: where the spec does not apply it, whoever looks at them sees other images than the model."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from contract.errors import DataError
from contract.pictures import BROKEN, FORMATS, orientation

UPRIGHT = 1


@dataclass(frozen=True)
class Orientations:
    """Images in all, and how many state which orientation (1 to 8); the others state none."""

    images: int
    stated: dict[int, int]

    @property
    def turned(self) -> int:
        """Images that state another orientation than upright."""
        return sum(count for number, count in self.stated.items() if number != UPRIGHT)

    def say(self, *, orient: bool) -> str:
        """One sentence for the report; `orient`: whether the spec turns them."""
        if not self.turned:
            return f"None of {self.images} images states an EXIF orientation other than upright."
        done = "and all runtimes turn them" if orient else "and no runtime turns them, as torchvision does not (`orient = true` would)"
        verb = "states" if self.turned == 1 else "state"
        return f"{self.turned} of {self.images} images {verb} an EXIF orientation other than upright, {done}."


def count(paths: Iterable[str]) -> Orientations:
    """Read the orientation of each file, without decoding pixels where a format states it in its header.

    A runner's `stages` says the same, at the price of a forward. Raises DataError naming a file that cannot be read.
    """
    images, stated = 0, Counter[int]()
    for path in paths:
        images += 1
        if (number := _orientation(path)) is not None:
            stated[number] += 1
    return Orientations(images, dict(sorted(stated.items())))


def _orientation(path: str) -> int | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of damaged EXIF data
        try:
            with Image.open(path, formats=FORMATS) as image:
                if image.format == "PNG":
                    image.load()  # it may be behind the pixels
                return orientation(image)
        except BROKEN as fault:
            raise DataError(f"not a readable image: {fault}", where=path, next="see what the runners say of it") from fault
