"""Known faults of normalising: scale, mean, std, channels, layout, precision, rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.ledger.case import Case, Guess
from bench.ledger.causes_decode import CHANNELS
from bench.ledger.pixels import cropped, size_of, unrounded

Tensor = NDArray[np.float32]
Triple = tuple[float, float, float]
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NONE, ONE, HALF = (0.0,) * 3, (1.0,) * 3, (0.5,) * 3


class Affine(NamedTuple):
    """`(x / divisor - mean) / std`, or with `x * (1 / divisor)`."""

    mean: Triple
    std: Triple
    divisor: float = 255.0
    multiply: bool = False

    def of(self, values: NDArray[np.generic]) -> Tensor:
        """H x W x 3 to 3 x H x W, float32 throughout and in the order of torch's operations, so that a right guess is right to the bit."""
        divisor = np.float32(self.divisor)
        byte = values.astype(np.float32)
        scaled = byte * (np.float32(1) / divisor) if self.multiply else byte / divisor
        mean, std = (np.array(triple, np.float32) for triple in (self.mean, self.std))
        return np.ascontiguousarray(((scaled - mean) / std).transpose(2, 0, 1))


def normalise(case: Case) -> Iterator[Guess]:
    """What else normalising might have made."""
    pixels, tensor = case.reference["crop"], case.expected
    right = Affine(case.spec.mean, case.spec.std, multiply=case.spec.scale != "x/255")
    for name, wrong in affines(right):
        if wrong != right:
            yield Guess(name, wrong.of(pixels))
    yield Guess("each value times std instead of divided by it", _times_std(right, pixels))
    for order in CHANNELS:
        name = "".join("RGB"[at] for at in order)
        yield Guess(f"channel order {name} instead of RGB", right.of(pixels[..., order]))
        yield Guess(f"channel order {name} after normalising as RGB", tensor[list(order)])
    yield Guess("height x width x channels read as channels x height x width", tensor.transpose(1, 2, 0).reshape(tensor.shape))
    yield Guess("height and width swapped", tensor.transpose(0, 2, 1))
    yield Guess("mirrored left to right", tensor[:, :, ::-1])
    yield Guess("mirrored top to bottom", tensor[:, ::-1])
    with np.errstate(over="ignore"):
        yield Guess("half precision", tensor.astype(np.float16).astype(np.float32))
    yield Guess("bfloat16", _bfloat16(tensor))
    if case.spec.resize is not None:
        floating = unrounded(case.reference["orient"], size_of(case.reference["resize"]), case.spec.interpolation)
        yield Guess("not rounded to bytes after resizing", right.of(cropped(floating, size_of(pixels))))
    if case.made.shape == tensor.shape:
        yield from fits(pixels, tensor, case.made)


def fits(pixels: NDArray[np.generic], tensor: Tensor, made: Tensor) -> Iterator[Guess]:
    """Numbers that nobody has guessed: the fit with more of them must explain more."""
    apart = (made - tensor).mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    yield Guess("another mean", tensor + apart, fitted=1)
    squares = np.sum(tensor**2, axis=(1, 2), keepdims=True, dtype=np.float64)
    factor = np.sum(tensor * made, axis=(1, 2), keepdims=True, dtype=np.float64) / np.maximum(squares, np.finfo(np.float64).tiny)
    yield Guess("another std", tensor * factor.astype(np.float32), fitted=1)
    yield Guess("another scale and offset for each channel", _fitted(pixels, made), fitted=2)


def affines(right: Affine) -> Iterator[tuple[str, Affine]]:
    """Numbers that people get wrong."""
    mean, std = right.mean, right.std
    yield "mean and std forgotten", right._replace(mean=NONE, std=ONE)
    yield "mean forgotten", right._replace(mean=NONE)
    yield "std forgotten", right._replace(std=ONE)
    yield "mean = std = 0.5", right._replace(mean=HALF, std=HALF)
    yield "ImageNet's mean and std", right._replace(mean=IMAGENET_MEAN, std=IMAGENET_STD)
    yield "divided by 256, not by 255", right._replace(divisor=256.0)
    yield "divided by 255 twice", right._replace(divisor=255.0 * 255.0)
    yield "not divided by 255", right._replace(divisor=1.0)
    yield "bytes as they are", Affine(NONE, ONE, 1.0)
    yield "bytes minus mean x 255, not divided by std", Affine((mean[0] * 255, mean[1] * 255, mean[2] * 255), ONE, 1.0)
    yield "mean and std in reverse channel order", right._replace(mean=mean[::-1], std=std[::-1])
    yield "mean in reverse channel order", right._replace(mean=mean[::-1])
    yield "std in reverse channel order", right._replace(std=std[::-1])
    yield "mean and std swapped", right._replace(mean=std, std=mean if all(mean) else ONE)
    yield "mean added, not subtracted", right._replace(mean=(-mean[0], -mean[1], -mean[2]))
    yield "multiplied by 1/255 in place of divided by 255, or the reverse (last bits)", right._replace(multiply=not right.multiply)


def _times_std(right: Affine, pixels: NDArray[np.generic]) -> Tensor:
    return right._replace(std=ONE).of(pixels) * np.array(right.std, np.float32)[:, None, None]


def _bfloat16(tensor: Tensor) -> Tensor:
    words = np.ascontiguousarray(tensor).view(np.uint32)
    # Rounded half to even, as hardware does.
    rounded = (words + 0x7FFF + ((words >> 16) & 1)) & 0xFFFF0000
    return rounded.astype(np.uint32).view(np.float32)


def _fitted(pixels: NDArray[np.generic], made: Tensor) -> Tensor:
    """Least squares per channel; a channel of one colour gets its mean."""
    found = np.empty(made.shape, np.float32)
    for channel in range(3):
        x, y = pixels[..., channel].astype(np.float64), made[channel].astype(np.float64)
        spread = float(np.var(x))
        slope = float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread else 0.0
        found[channel] = slope * (x - x.mean()) + y.mean()
    return found
