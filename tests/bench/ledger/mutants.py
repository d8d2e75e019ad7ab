"""Faults as people make them, written with other means than the diagnosis has: torch, PIL.ImageOps, plain numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps

from tests.bench.ledger.pictures import SPEC, tensor

# stage, what is made of the stage's input, and what the diagnosis must say first.
Mutant = tuple[str, Callable[[np.ndarray], np.ndarray], str]


def shorter(pixels: np.ndarray, size: int = 232) -> tuple[int, int]:
    high, wide = pixels.shape[:2]
    longer = int(size * max(wide, high) / min(wide, high))
    return (size, longer) if wide <= high else (longer, size)


def pil(pixels: np.ndarray, size: tuple[int, int], kind: Image.Resampling = Image.Resampling.BILINEAR) -> np.ndarray:
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, kind))


def torch_resize(pixels: np.ndarray, size: tuple[int, int], mode: str, **options: bool) -> np.ndarray:
    planes = torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32))
    made = torch.nn.functional.interpolate(planes, (size[1], size[0]), mode=mode, **options)[0]
    return made.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()


def window(pixels: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    left, top = round((pixels.shape[1] - 224) / 2) + right, round((pixels.shape[0] - 224) / 2) + down
    return pixels[top : top + 224, left : left + 224]


def square(pixels: np.ndarray) -> np.ndarray:
    side = min(pixels.shape[:2])
    left, top = (pixels.shape[1] - side) // 2, (pixels.shape[0] - side) // 2
    return pixels[top : top + side, left : left + side]


def half(pixels: np.ndarray) -> np.ndarray:
    return torch.from_numpy(tensor(pixels)).half().float().numpy()


def brain(pixels: np.ndarray) -> np.ndarray:
    return torch.from_numpy(tensor(pixels)).bfloat16().float().numpy()


def poor(image: Image.Image) -> Image.Image:
    light, *chroma = image.convert("YCbCr").split()
    return Image.merge("YCbCr", [light, *(band.reduce(2).resize(band.size, Image.Resampling.NEAREST) for band in chroma)]).convert("RGB")


def op(change: Callable[[Image.Image], Image.Image]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: np.asarray(change(Image.fromarray(np.ascontiguousarray(pixels))))


MUTANTS: dict[str, Mutant] = {
    "bgr": ("decode", lambda p: p[..., ::-1], "channel order BGR instead of RGB"),
    "gbr": ("decode", lambda p: p[..., [1, 2, 0]], "channel order GBR instead of RGB"),
    "grey": ("decode", op(lambda i: i.convert("L").convert("RGB")), "colours lost: grey"),
    "mirrored": ("decode", op(ImageOps.mirror), "mirrored left to right"),
    "flipped": ("decode", op(ImageOps.flip), "mirrored top to bottom"),
    "upside down": ("decode", op(lambda i: i.rotate(180)), "turned by 180 degrees"),
    "clockwise": ("decode", op(lambda i: i.transpose(Image.Transpose.ROTATE_270)), "turned by 90 degrees clockwise"),
    "anticlockwise": ("orient", op(lambda i: i.transpose(Image.Transpose.ROTATE_90)), "turned by 90 degrees counterclockwise"),
    "transposed": ("orient", op(lambda i: i.transpose(Image.Transpose.TRANSPOSE)), "transposed"),
    "ycc": ("decode", op(lambda i: Image.frombytes("RGB", i.size, i.convert("YCbCr").tobytes())), "YCbCr taken for RGB"),
    "no antialias": ("resize", lambda p: torch_resize(p, shorter(p), "bilinear", align_corners=False), "no antialias"),
    "bicubic no antialias": (
        "resize", lambda p: torch_resize(p, shorter(p), "bicubic", align_corners=False), "no antialias, bicubic instead of bilinear",
    ),
    "corners": (
        "resize", lambda p: torch_resize(p, shorter(p), "bilinear", align_corners=True), "no antialias, corners aligned",
    ),
    "torch nearest": ("resize", lambda p: torch_resize(p, shorter(p), "nearest"), "nearest pixel, no half-pixel centre"),
    "nearest": ("resize", lambda p: torch_resize(p, shorter(p), "nearest-exact"), "filter nearest instead of bilinear"),
    "box": ("resize", lambda p: pil(p, shorter(p), Image.Resampling.BOX), "filter box instead of bilinear"),
    "area": ("resize", lambda p: torch_resize(p, shorter(p), "area"), "averaged over areas of whole pixels instead of bilinear"),
    "hamming": ("resize", lambda p: pil(p, shorter(p), Image.Resampling.HAMMING), "filter hamming instead of bilinear"),
    "bicubic": ("resize", lambda p: pil(p, shorter(p), Image.Resampling.BICUBIC), "filter bicubic instead of bilinear"),
    "lanczos": ("resize", lambda p: pil(p, shorter(p), Image.Resampling.LANCZOS), "filter lanczos instead of bilinear"),
    "256": ("resize", lambda p: pil(p, shorter(p, 256)), "shorter side 256 instead of 232"),
    "224": ("resize", lambda p: pil(p, shorter(p, 224)), "shorter side 224 instead of 232"),
    "256 bicubic": (
        "resize", lambda p: pil(p, shorter(p, 256), Image.Resampling.BICUBIC),
        "shorter side 256 instead of 232, filter bicubic instead of bilinear",
    ),
    "squashed": ("resize", lambda p: pil(p, (232, 232)), "squashed to 232 x 232, proportions lost"),
    "crop first": ("resize", lambda p: pil(square(p), (224, 224)), "centre square cut out before resizing to 224 x 224"),
    "shifted": ("resize", lambda p: np.roll(pil(p, shorter(p)), 1, axis=1), "moved by a pixel: right"),
    "bgr late": ("resize", lambda p: pil(p, shorter(p))[..., ::-1], "channel order BGR instead of RGB"),
    "one right": ("crop", lambda p: window(p, right=1), "cut out 1 right of the centre (pixels)"),
    "one up": ("crop", lambda p: window(p, down=-1), "cut out 1 up of the centre (pixels)"),
    "far": ("crop", lambda p: window(p, 3, 2), "cut out 3 right and 2 down of the centre (pixels)"),
    "corner": ("crop", lambda p: p[:224, :224], "cut out at the top left corner"),
    "no crop": ("crop", lambda p: pil(p, (224, 224)), "resized to the size, not cut out"),
    "no mean": ("normalise", lambda p: tensor(p, mean=(0, 0, 0)), "mean forgotten"),
    "no std": ("normalise", lambda p: tensor(p, std=(1, 1, 1)), "std forgotten"),
    "neither": ("normalise", lambda p: tensor(p, (0, 0, 0), (1, 1, 1)), "mean and std forgotten"),
    "halves": ("normalise", lambda p: tensor(p, (0.5,) * 3, (0.5,) * 3), "mean = std = 0.5"),
    "256ths": ("normalise", lambda p: tensor(p, divisor=256), "divided by 256, not by 255"),
    "twice": ("normalise", lambda p: tensor(p, divisor=255 * 255), "divided by 255 twice"),
    "not at all": ("normalise", lambda p: tensor(p, divisor=1), "not divided by 255"),
    "bytes": ("normalise", lambda p: p.transpose(2, 0, 1).astype(np.float32), "bytes as they are"),
    "mean bgr": ("normalise", lambda p: tensor(p, SPEC.mean[::-1], SPEC.std[::-1]), "mean and std in reverse channel order"),
    "swapped": ("normalise", lambda p: tensor(p, SPEC.std, SPEC.mean), "mean and std swapped"),
    "plus": ("normalise", lambda p: tensor(p, tuple(-m for m in SPEC.mean)), "mean added, not subtracted"),
    "tensor bgr": ("normalise", lambda p: tensor(p)[::-1].copy(), "channel order BGR after normalising as RGB"),
    "pixels bgr": ("normalise", lambda p: tensor(p[..., ::-1]), "channel order BGR instead of RGB"),
    "nhwc": (
        "normalise", lambda p: tensor(p).transpose(1, 2, 0).reshape(3, 224, 224),
        "height x width x channels read as channels x height x width",
    ),
    "rows": ("normalise", lambda p: tensor(p).transpose(0, 2, 1), "height and width swapped"),
    "half": ("normalise", half, "half precision"),
    "bfloat16": ("normalise", brain, "bfloat16"),
    "odd mean": ("normalise", lambda p: tensor(p, (0.45, 0.45, 0.45)), "another mean"),
    "odd std": ("normalise", lambda p: tensor(p) / np.float32(1.01), "another std"),
    "saturated": ("decode", op(lambda i: ImageEnhance.Color(i).enhance(0.4)), "colours changed by a matrix"),
    "some blue in the red": ("decode", lambda p: np.rint(0.8 * p + 0.2 * p[..., ::-1]).astype(np.uint8), "colours changed by a matrix"),
    "poor chroma": ("decode", op(poor), "chroma kept at half the resolution"),
    "odd scale": ("normalise", lambda p: tensor(p) * np.float32(1.07) + np.float32(0.2), "another scale and offset for each channel"),
}  # fmt: skip
