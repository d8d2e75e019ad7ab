"""infer_py's tensor is torchvision's, bit for bit, on every stage."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as vision
from torchvision.transforms._presets import ImageClassification

from contract.errors import DataError, EnvironmentFault
from contract.preprocess import CenterCrop, Exact, PreprocessSpec, Shorter
from infer_py.preprocess import FILTERS, _table, check_order, crop, preprocess, resize
from infer_py.stages import stages
from tests.infer_py.conftest import pixels

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The presets of the backbones: V1, RegNet V2, SWAG end to end, SWAG linear, MobileNetV2 is as V1.
PRESETS = [(256, 224, "bilinear"), (232, 224, "bilinear"), (384, 384, "bicubic"), (224, 224, "bicubic")]
SIZES = [
    (224, 224), (256, 256), (232, 233), (500, 375), (375, 500), (1, 1), (3, 140), (140, 3), (31, 40), (100, 223), (225, 226),
    (257, 640), (2001, 64), (333, 1000), (1, 100), (480, 481), (1023, 768),
]  # fmt: skip


def opened(path: Path) -> Image.Image:
    """As torchvision's loader does it."""
    with Image.open(path) as image:
        return image.convert("RGB")


def spec(size: int, edge: int, interpolation: str) -> PreprocessSpec:
    return PreprocessSpec(Shorter("shorter", size), CenterCrop("center", edge, edge), MEAN, STD, interpolation)  # type: ignore[arg-type]


def torchvision(size: int, edge: int, interpolation: str) -> ImageClassification:
    return ImageClassification(crop_size=edge, resize_size=size, interpolation=InterpolationMode(interpolation))


@pytest.mark.parametrize("preset", PRESETS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_tensor_equals_torchvisions(tmp_path: Path, preset: tuple[int, int, str], size: tuple[int, int]):
    path = tmp_path / "image.png"
    Image.fromarray(pixels(*size)).save(path)
    ours = preprocess(path, spec(*preset))
    theirs = torchvision(*preset)(opened(path)).numpy()
    assert ours.dtype == theirs.dtype == np.float32
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("preset", PRESETS[:2], ids=str)
def test_every_stage_equals_torchvisions_on_a_jpeg(photo: Path, preset: tuple[int, int, str]):
    ours, size, edge = stages(photo, spec(*preset))[0], preset[0], preset[1]
    decoded = opened(photo)
    resized = vision.resize(decoded, [size], interpolation=InterpolationMode(preset[2]))
    cropped = vision.center_crop(resized, [edge, edge])
    assert np.array_equal(ours["decode"], np.asarray(decoded))
    assert np.array_equal(ours["resize"], np.asarray(resized))
    assert np.array_equal(ours["crop"], np.asarray(cropped))
    assert np.array_equal(ours["normalise"], torchvision(*preset)(decoded).numpy())


def _grey() -> Image.Image:
    return Image.fromarray(pixels(60, 80, 1))


def _palette(*, transparent: bool) -> Image.Image:
    image = Image.fromarray(pixels(60, 80)).quantize(17)
    if transparent:
        image.info["transparency"] = bytes(range(0, 255, 15))
    return image


MODES = {
    "grey.png": _grey,
    "grey.jpg": _grey,
    "grey16.png": lambda: Image.fromarray((np.arange(4800).reshape(60, 80) * 13 % 65536).astype(np.uint16)),
    "bilevel.png": lambda: Image.fromarray(pixels(60, 80, 1)).convert("1"),
    "alpha.png": lambda: Image.fromarray(pixels(60, 80, 4)),
    "grey-alpha.png": lambda: Image.fromarray(pixels(60, 80, 4)).convert("LA"),
    "palette.png": lambda: _palette(transparent=False),
    "palette-transparent.png": lambda: _palette(transparent=True),
    "cmyk.jpg": lambda: Image.fromarray(pixels(60, 80)).convert("CMYK"),
    "colour.webp": lambda: Image.fromarray(pixels(60, 80)),
    "colour.bmp": lambda: Image.fromarray(pixels(60, 80)),
    "palette.gif": lambda: _palette(transparent=False),
}


@pytest.mark.parametrize("name", MODES)
@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_any_colour_mode_becomes_what_convert_makes_of_it(tmp_path: Path, name: str):
    path = tmp_path / name
    options = {"transparency": bytes(range(0, 255, 15))} if "transparent" in name else {}
    MODES[name]().save(path, **options)
    theirs = torchvision(232, 224, "bilinear")(opened(path)).numpy()
    assert preprocess(path, spec(232, 224, "bilinear")).tobytes() == theirs.tobytes()


def test_transparent_palette_warns_nobody(tmp_path: Path):
    # pytest turns warnings into errors here: the warning is about an alpha channel that convert("RGB") drops.
    path = tmp_path / "x.png"
    _palette(transparent=True).save(path, transparency=bytes(range(0, 255, 15)))
    assert preprocess(path, spec(232, 224, "bilinear")).shape == (3, 224, 224)


def test_exif_orientation_is_left_alone_as_in_torchvision(tmp_path: Path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels(30, 50)).save(path, exif=exif)
    assert stages(path, spec(232, 224, "bilinear"))[0]["orient"].shape == (30, 50, 3)


def test_a_picture_of_several_opens_as_its_first(tmp_path: Path):
    path = tmp_path / "stereo.jpg"
    first = Image.fromarray(pixels(40, 50))
    first.save(path, format="MPO", save_all=True, append_images=[Image.fromarray(pixels(40, 50, seed=1))])
    with Image.open(path) as image:
        assert image.format == "MPO"
    assert stages(path, spec(232, 224, "bilinear"))[0]["orient"].shape == (40, 50, 3)


def test_sizes_are_torchvisions_on_every_small_picture():
    for height in range(1, 60, 3):
        for width in range(1, 90, 7):
            image = Image.new("RGB", (width, height))
            resized = resize(image, PreprocessSpec(Shorter("shorter", 23), None, MEAN, STD))
            assert resized.size == vision.resize(image, [23]).size


def test_crop_pads_and_rounds_as_torchvision_for_every_parity():
    for height in range(1, 20):
        for width in range(1, 20):
            image = Image.fromarray(pixels(height, width))
            ours = crop(image, PreprocessSpec(None, CenterCrop("center", 9, 8), MEAN, STD))
            assert np.array_equal(np.asarray(ours), np.asarray(vision.center_crop(image, [8, 9])))


def test_exact_resize_ignores_the_aspect(photo: Path):
    ours, _ = stages(photo, PreprocessSpec(Exact("exact", 33, 21), None, MEAN, STD, "bicubic"))
    theirs = vision.resize(opened(photo), [21, 33], interpolation=InterpolationMode.BICUBIC)
    assert np.array_equal(ours["resize"], np.asarray(theirs))
    assert ours["crop"].shape == (21, 33, 3)


def test_no_resize_and_no_crop_leave_the_picture(photo: Path):
    ours, _ = stages(photo, PreprocessSpec(None, None, MEAN, STD))
    assert np.array_equal(ours["decode"], ours["crop"])
    assert ours["normalise"].shape == (3, 40, 50)


@given(*[st.integers(2, 90)] * 4, st.sampled_from(sorted(FILTERS)))
def test_the_installed_pillow_scales_in_the_order_that_the_spec_means(width, height, wide, high, name):
    assume(width != wide and height != high)
    image = Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8))
    first = PreprocessSpec.columns_first((width, height), (wide, high))
    between = (width, high) if first else (wide, height)
    in_order = image.resize(between, FILTERS[name]).resize((wide, high), FILTERS[name])
    assert image.resize((wide, high), FILTERS[name]).tobytes() == in_order.tobytes()


def test_a_pillow_that_always_begins_with_the_rows_is_refused(photo: Path, monkeypatch):
    own = Image.Image.resize

    def rows_first(image: Image.Image, size: tuple[int, int], filter_: Image.Resampling) -> Image.Image:
        return own(own(image, (size[0], image.height), filter_), size, filter_)

    spec = PreprocessSpec(Exact("exact", 20, 20), None, MEAN, STD)
    preprocess(photo, spec)
    monkeypatch.setattr(Image.Image, "resize", rows_first)
    monkeypatch.setattr("PIL.__version__", "12.0.0")
    with pytest.raises(EnvironmentFault, match=r"Pillow 12\.0\.0 scales rows and columns in another order"):
        preprocess(photo, spec)
    check_order.cache_clear()


def test_both_scale_expressions_are_torchs_to_the_last_bit():
    import torch

    byte = torch.arange(256, dtype=torch.uint8)[None, :, None].expand(3, -1, -1)
    divided = vision.normalize(byte.float().div(255), MEAN, STD)[..., 0].numpy()
    multiplied = vision.normalize(byte.float().mul(1 / 255), MEAN, STD)[..., 0].numpy()
    ours = {scale: _table(PreprocessSpec(None, None, MEAN, STD, scale=scale)) for scale in ("x/255", "x*(1/255)")}
    assert ours["x/255"].tobytes() == divided.tobytes()
    assert ours["x*(1/255)"].tobytes() == multiplied.tobytes()
    assert not np.array_equal(ours["x/255"], ours["x*(1/255)"])


def bad(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        preprocess(path, spec(232, 224, "bilinear"))
    assert str(path) == caught.value.where
    return caught.value.what


def test_missing_image(tmp_path: Path):
    assert bad(tmp_path / "none.jpg") == "no such image"


def test_a_folder_is_no_image(tmp_path: Path):
    assert "directory" in bad(tmp_path)


def test_text_is_no_image(tmp_path: Path):
    path = tmp_path / "text.jpg"
    path.write_text("hello")
    assert "none of JPEG" in bad(path)


def test_empty_file(tmp_path: Path):
    path = tmp_path / "empty.jpg"
    path.write_bytes(b"")
    assert "none of JPEG" in bad(path)


def test_a_foreign_format_is_refused_whatever_its_name(tmp_path: Path):
    path = tmp_path / "x.jpg"
    Image.fromarray(pixels(10, 10)).save(path, format="TIFF")
    assert bad(path) == "format not supported: TIFF"


def test_a_huge_file_and_what_is_no_file_are_refused_unread(tmp_path: Path):
    path = tmp_path / "film.gif"
    with path.open("wb") as file:
        file.write(b"GIF89a")
        file.truncate(1 << 40)
    assert bad(path) == "a file of 1099511627776 bytes, more than 1073741824"
    os.mkfifo(tmp_path / "pipe.png")
    assert bad(tmp_path / "pipe.png") == "not a file"


def test_a_file_that_cannot_be_read_is_the_machines_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    (tmp_path / "x.png").touch()
    with pytest.raises(EnvironmentFault, match="cannot be read: Permission denied"):
        preprocess(tmp_path / "x.png", spec(232, 224, "bilinear"))


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp", "x.bmp", "x.gif"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_images_are_refused(tmp_path: Path, name: str, share: float):
    path = tmp_path / name
    Image.fromarray(pixels(64, 64)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert bad(path)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "bomb.png"
    Image.new("1", (10_000, 10_000)).save(path)
    assert path.stat().st_size < 100_000
    assert "decompression bomb" in bad(path)


@pytest.mark.parametrize(("size", "spec", "doing"), [
    ((1, 400_000), PreprocessSpec(Shorter("shorter", 256), CenterCrop("center", 224, 224), MEAN, STD), "256 x 102400000 by resizing"),
    ((10, 10), PreprocessSpec(None, CenterCrop("center", 60_000, 60_000), MEAN, STD), "60000 x 60000 by cropping"),
])  # fmt: skip
def test_an_image_that_would_become_huge_is_refused_before_it_does(tmp_path, size, spec, doing):
    path = tmp_path / "thin.png"
    Image.new("L", size).save(path)
    for way in (preprocess, stages):
        with pytest.raises(DataError, match=f"pixels become {doing}: more than 89478485") as caught:
            way(path, spec)
        assert caught.value.where == str(path)
