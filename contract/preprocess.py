"""The preprocess spec: how pixels of an image file become the tensor of a model, as data.

Written into every ONNX file (metadata key `concord.preprocess`) and implemented three times: by torchvision in `train`, by NumPy + Pillow
in `infer_py`, and in `infer_rs`. All three must agree to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from contract import strict
from contract.errors import DataError

KEY = "concord.preprocess"
MEND = "mend the spec (--spec FILE), or export the model again: nox -s export"
# Pillow's limit for images as they come; resized and cropped ones take as much memory. infer_rs/src/image/mod.rs has the same.
MOST_PIXELS = 89_478_485
Scale = Literal["x/255", "x*(1/255)"]


@dataclass(frozen=True)
class Shorter:
    """Scale so that the shorter side has `size` pixels: torchvision's `Resize(int)`."""

    kind: Literal["shorter"]
    size: int


@dataclass(frozen=True)
class Exact:
    """Scale to exactly `width` x `height` pixels."""

    kind: Literal["exact"]
    width: int
    height: int


@dataclass(frozen=True)
class CenterCrop:
    """Cut out the centre; a smaller image is padded with black first: torchvision's `CenterCrop`."""

    kind: Literal["center"]
    width: int
    height: int


@dataclass(frozen=True)
class PreprocessSpec:
    """Decode to RGB, turn, resize, crop, then `(scale(x) - mean) / std` in float32.

    The two scale expressions differ in the last bit of 126 of 256 byte values, so the spec says which. `orient`: by the EXIF
    orientation, as `PIL.ImageOps.exif_transpose` does and torchvision does not. The format is 1 either way: readers from before
    there was a choice refuse true by name.
    """

    resize: Shorter | Exact | None
    crop: CenterCrop | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    scale: Scale = "x/255"
    format: Literal[1] = 1
    colour: Literal["RGB"] = "RGB"
    orient: bool = False
    layout: Literal["NCHW"] = "NCHW"

    def __post_init__(self) -> None:
        sizes = [
            value for part in (self.resize, self.crop) if part is not None for key, value in strict.plain(part).items() if key != "kind"
        ]
        if any(size < 1 for size in sizes):
            raise DataError("a size must be at least 1 pixel", where=KEY, next=MEND)
        # Written so that a NaN is refused, too.
        if not all(value > 0 for value in self.std) or not all(abs(value) < math.inf for value in (*self.mean, *self.std)):
            raise DataError("mean must be finite, and std positive and finite", where=KEY, next=MEND)

    @property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width of the tensor in pixels, or None when they depend on the image."""
        if self.crop is not None:
            return self.crop.height, self.crop.width
        return (self.resize.height, self.resize.width) if isinstance(self.resize, Exact) else None

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels after resizing (source: torchvision 0.29, `_compute_resized_output_size`)."""
        match self.resize:
            case None:
                return width, height
            case Shorter(size=size):
                longer = int(size * max(width, height) / min(width, height))
                return (size, longer) if width <= height else (longer, size)
            case Exact(width=wide, height=high):
                return wide, high

    @staticmethod
    def columns_first(size: tuple[int, int], target: tuple[int, int]) -> bool:
        """Whether pixels are merged down the columns before along the rows: the passes hand on bytes, so the order shows in the last bit.

        Widths and heights in pixels, before and after (source: Pillow 13.0.0, Resample.c; older ones begin with the rows).
        """
        less_wide, less_high = (before - after for before, after in zip(size, target, strict=True))
        return less_high > 0 and less_high > 2 * less_wide

    def refuse_huge(self, size: tuple[int, int], where: str) -> None:
        """Raise DataError, before any memory is taken, when an image of this width and height becomes larger than MOST_PIXELS."""
        resized = self.resized(*size)
        padded = resized if self.crop is None else (self.crop.width, self.crop.height)
        for doing, (width, height) in (("resizing", resized), ("cropping", padded)):
            if width * height > MOST_PIXELS:
                raise DataError(
                    f"{size[0]} x {size[1]} pixels become {width} x {height} by {doing}: more than {MOST_PIXELS}",
                    where=where,
                    next="replace or remove the file, or use a model that takes smaller images",
                )

    def to_json(self) -> str:
        """The canonical JSON text that goes into an ONNX file."""
        return strict.dumps(self)

    @classmethod
    def from_json(cls, text: str, where: str = KEY) -> PreprocessSpec:
        """Read the JSON text. Raises DataError for anything that this version does not describe."""
        return strict.decode(cls, strict.loads(text, where), where)
