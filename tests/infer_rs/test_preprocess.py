"""The tensor that `infer-rs preprocess` writes, against Pillow + NumPy, infer_py and torchvision: equal to the last bit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.preprocess import CenterCrop, Exact, PreprocessSpec, Shorter
from tests.infer_rs.conftest import Build
from tests.infer_rs.pictures import draw

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CROP = CenterCrop("center", 224, 224)
SPECS = {
    "resnet": PreprocessSpec(Shorter("shorter", 256), CROP, MEAN, STD),
    "regnet-v2": PreprocessSpec(Shorter("shorter", 232), CROP, MEAN, STD),
    "swag": PreprocessSpec(Shorter("shorter", 384), CenterCrop("center", 384, 384), MEAN, STD, "bicubic"),
    "small": PreprocessSpec(Shorter("shorter", 40), CenterCrop("center", 32, 30), MEAN, STD, scale="x*(1/255)"),
    "padded": PreprocessSpec(Shorter("shorter", 30), CenterCrop("center", 45, 33), MEAN, STD),
    "exact": PreprocessSpec(Exact("exact", 50, 70), None, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic"),
    "crop-only": PreprocessSpec(None, CenterCrop("center", 64, 65), MEAN, STD),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw(tmp_path_factory.mktemp("pictures"))


def rust(binary: Path, model: Path, images: list[Path], out: Path) -> np.ndarray:
    command = [str(binary), "preprocess", *map(str, images), "--model", str(model), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return np.load(out)


def independent(path: Path, spec: PreprocessSpec) -> np.ndarray:
    """Written from the spec's words alone, without looking at either implementation."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    width, height = image.size
    if isinstance(spec.resize, Shorter):
        scale = spec.resize.size
        size = (scale, int(scale * height / width)) if width <= height else (int(scale * width / height), scale)
        image = image.resize(size, filters[spec.interpolation])
    elif spec.resize:
        image = image.resize((spec.resize.width, spec.resize.height), filters[spec.interpolation])
    pixels = np.asarray(image)
    if spec.crop:
        missing = [max(0, wanted - had) for wanted, had in zip((spec.crop.height, spec.crop.width), pixels.shape[:2], strict=True)]
        pixels = np.pad(pixels, [(missing[0] // 2, (missing[0] + 1) // 2), (missing[1] // 2, (missing[1] + 1) // 2), (0, 0)])
        top, left = round((pixels.shape[0] - spec.crop.height) / 2), round((pixels.shape[1] - spec.crop.width) / 2)
        pixels = pixels[top : top + spec.crop.height, left : left + spec.crop.width]
    planes = pixels.transpose(2, 0, 1).astype(np.float32)
    planes = planes / np.float32(255) if spec.scale == "x/255" else planes * np.float32(1 / 255)
    column = [np.array(values, np.float32).reshape(3, 1, 1) for values in (spec.mean, spec.std)]
    return (planes - column[0]) / column[1]


def assert_same_bits(one: np.ndarray, other: np.ndarray, where: object) -> None:
    assert one.shape == other.shape, where
    different = int((one.view(np.uint32) != other.view(np.uint32)).sum())
    assert different == 0, f"{where}: {different} of {one.size} floats differ, by {np.abs(one - other).max()} at most"


@pytest.mark.parametrize("name", SPECS)
def test_pillow_and_numpy(binary: Path, build: Build, images: list[Path], tmp_path: Path, name: str) -> None:
    spec = SPECS[name]
    tensor = rust(binary, build(spec), images, tmp_path / "x.npy")
    assert tensor.dtype == np.float32
    for got, path in zip(tensor, images, strict=True):
        assert_same_bits(got, independent(path, spec), path.name)


@pytest.mark.parametrize("name", SPECS)
def test_infer_py(binary: Path, build: Build, images: list[Path], tmp_path: Path, name: str) -> None:
    from infer_py.preprocess import preprocess

    tensor = rust(binary, build(SPECS[name]), images, tmp_path / "x.npy")
    for got, path in zip(tensor, images, strict=True):
        assert_same_bits(got, preprocess(path, SPECS[name]), path.name)


@pytest.mark.parametrize(("name", "resize", "crop"), [("resnet", 256, 224), ("regnet-v2", 232, 224), ("swag", 384, 384)])
@pytest.mark.filterwarnings("ignore")  # torch's own on import
def test_torchvision(binary: Path, build: Build, images: list[Path], tmp_path: Path, name: str, resize: int, crop: int) -> None:
    pytest.importorskip("torchvision")
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    preset = ImageClassification(
        crop_size=crop, resize_size=resize, interpolation=InterpolationMode(SPECS[name].interpolation), mean=MEAN, std=STD
    )
    tensor = rust(binary, build(SPECS[name]), images, tmp_path / "x.npy")
    for got, path in zip(tensor, images, strict=True):
        with Image.open(path) as file:
            wanted = preset(file.convert("RGB")).numpy()
        assert_same_bits(got, wanted, path.name)
