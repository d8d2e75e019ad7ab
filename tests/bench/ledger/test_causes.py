"""Causes that need files or shapes of their own, what is not known, and the words for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from bench.ledger import pixels, verdict
from bench.ledger.case import Case
from bench.ledger.diagnosis import Diagnosis, squares
from bench.ledger.found import Cause, StageFault
from contract.preprocess import CenterCrop, Exact, PreprocessSpec, Shorter
from tests.bench.ledger import pictures
from tests.bench.ledger.pictures import SPEC


def causes(*cases: Case) -> tuple[Cause, ...]:
    found = Diagnosis()
    for case in cases:
        found.add(case)
    return found.causes()


def decoded(path: Path, made: np.ndarray, orientation: int | None = None) -> Case:
    return Case("decode", path, SPEC, pictures.reference(path), np.ascontiguousarray(made), orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_pillow_turns_them(orientation):
    image = pictures.draw(1, (40, 30))
    image.getexif()[0x0112] = orientation
    assert np.array_equal(pixels.turned(np.asarray(image), orientation), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_named_where_the_file_states_it(tmp_path, orientation):
    path = pictures.files(tmp_path, orientation)[0]
    with Image.open(path) as image:
        made = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    (best, *_) = causes(decoded(path, made, orientation))
    assert best == Cause("turned by the file's EXIF orientation", 1.0, 1, 1)
    # The other way round: the spec says turn, and the candidate does not.
    reference = pictures.reference(path)
    stored, reference["orient"] = reference["decode"], made
    (best, *_) = causes(Case("orient", path, replace(SPEC), reference, stored, orientation))
    assert best == Cause("not turned by the file's EXIF orientation", 1.0, 1, 1)


def test_repeated_chroma_is_found(tmp_path):
    """libjpeg's fast upsampling, worked out in floating point from the chroma as it is stored."""
    path = pictures.files(tmp_path)[1]  # its sides are odd
    with Image.open(path) as image:
        image.draft("YCbCr", None)
        light = np.asarray(image)[..., :1].astype(float)
    with Image.open(path) as image:
        image.draft("YCbCr", (image.width // 2, image.height // 2))
        coarse = np.asarray(image).astype(float) - 128
    high, wide = light.shape[:2]
    blue, red = (coarse[..., band : band + 1].repeat(2, 0).repeat(2, 1)[:high, :wide] for band in (1, 2))
    floats = np.concatenate([light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue], axis=-1)
    made = np.clip(np.round(floats), 0, 255).astype(np.uint8)
    apart = np.abs(made.astype(int) - pictures.reference(path)["decode"])
    assert apart.max() > 20
    best = causes(decoded(path, made))[0]
    assert best.name == "chroma repeated, not interpolated (fast upsampling)"
    assert best.explained > 0.999


def test_a_reduced_jpeg_and_alpha(tmp_path):
    path = pictures.files(tmp_path)[0]
    with Image.open(path) as image:
        image.draft("RGB", (250, 187))
        made = np.asarray(image)
    assert causes(decoded(path, made))[0].name == "decoded at 1/2 of its size"
    picture = pictures.draw(2, (50, 40)).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(tmp_path / "alpha.png")
    for name, colour in (("white", 255), ("black", 0)):
        under = Image.new("RGBA", picture.size, (colour, colour, colour, 255))
        made = np.asarray(Image.alpha_composite(under, picture).convert("RGB"))
        assert causes(decoded(tmp_path / "alpha.png", made))[0] == Cause(f"alpha blended over {name}", 1.0, 1, 1)


def test_a_file_that_pillow_cannot_read_is_diagnosed_by_its_pixels(tmp_path):
    path = pictures.files(tmp_path)[0]
    reference = pictures.reference(path)
    path.write_bytes(b"another format")
    (best, *_) = causes(Case("decode", path, SPEC, reference, reference["decode"][..., ::-1], None))
    assert best.name == "channel order BGR instead of RGB"


def test_what_is_not_known_is_called_so(tmp_path):
    path = pictures.files(tmp_path)[0]
    reference = pictures.reference(path)
    random = np.random.default_rng(0)
    noise = random.integers(-4, 5, reference["decode"].shape) * (random.random(reference["decode"].shape) < 0.15)
    made = np.clip(reference["decode"].astype(int) + noise, 0, 255).astype(np.uint8)
    found = causes(decoded(path, made))
    assert all(cause.explained < 0.1 for cause in found)
    said = verdict.diagnosis(StageFault("decode", 1, 1, 1.0, 0, verdict.seen("decode", 4, 0.13, jpeg=True), found))
    assert said.startswith("no known cause explains ")
    assert said.endswith("differences of at most 4 on 13.0 % of the values: it looks like another JPEG decoder)")
    for stage, most, share, jpeg in (
        ("crop", 4, 0.1, True),
        ("decode", 30, 0.1, True),
        ("decode", 4, 0.9, True),
        ("decode", 4, 0.1, False),
    ):
        assert "decoder" not in verdict.seen(stage, most, share, jpeg)


def small(size: tuple[int, int], spec: PreprocessSpec) -> dict[str, np.ndarray]:
    image = pictures.draw(3, size)
    resized = image.resize(spec.resized(*image.size), Image.Resampling.BILINEAR)
    stages = {"decode": np.asarray(image), "orient": np.asarray(image), "resize": np.asarray(resized)}
    stages["crop"] = np.asarray(pixels.cropped(stages["resize"], (spec.crop.width, spec.crop.height))) if spec.crop else stages["resize"]
    return stages | {"normalise": pictures.tensor(stages["crop"], spec.mean, spec.std)}


def test_padding_of_small_images():
    spec = replace(SPEC, resize=None)
    reference = small((150, 181), spec)
    wide, high = 224 - 150, 224 - 181
    padding = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2), (0, 0))
    for name, mode in (("the edge repeated", "edge"), ("the image mirrored", "reflect")):
        made = np.pad(reference["resize"], padding, mode)
        (best, *_) = causes(Case("crop", Path("x.png"), spec, reference, made, None))
        assert best == Cause(f"padded with {name}, not with black", 1.0, 1, 1)
    made = np.zeros_like(reference["crop"])
    made[:181, :150] = reference["resize"]
    assert causes(Case("crop", Path("x.png"), spec, reference, made, None))[0].name == "padded to the right and below alone"


def test_half_a_pixel_that_is_rounded_otherwise():
    found = []
    for size, left in (((231, 224), 3), ((229, 224), 3), ((227, 224), 1)):  # 3.5, 2.5 and 1.5 pixels: to even 4, 2 and 2
        spec = replace(SPEC, resize=None)
        reference = small(size, spec)
        made = reference["resize"][:, left : left + 224]
        if not np.array_equal(made, reference["crop"]):
            found.append(Case("crop", Path("x.png"), spec, reference, made, None))
    assert len(found) == 3
    assert causes(found[0], found[2])[0] == Cause("half a pixel rounded down, not to even", 1.0, 2, 2)
    assert causes(found[1])[0].name == "half a pixel rounded up, not to even"


def test_sizes_have_names():
    before = pictures.draw(4, (400, 300))
    cases = {
        (240, 180): "shorter side 180 instead of 232",
        (310, 233): "shorter side 233 instead of 232",
        (310, 232): "longer side rounded otherwise",
        (232, 174): "the longer side resized, not the shorter one",
    }
    for size, name in cases.items():
        made = np.asarray(before.resize(size, Image.Resampling.BILINEAR))
        names = [
            cause.name
            for cause in causes(Case("resize", Path("x.png"), SPEC, small((400, 300), SPEC) | {"orient": np.asarray(before)}, made, None))
        ]
        assert name in names
    exact = replace(SPEC, resize=Exact("exact", 200, 100))
    made = np.asarray(before.resize((100, 75), Image.Resampling.BILINEAR))
    assert causes(Case("resize", Path("x.png"), exact, small((400, 300), exact) | {"orient": np.asarray(before)}, made, None))[0].name == (
        "100 x 75 instead of 200 x 100"
    )
    bars = np.zeros((232, 232, 3), np.uint8)
    bars[29:203] = np.asarray(before.resize((232, 174), Image.Resampling.BILINEAR))
    case = Case("resize", Path("x.png"), SPEC, small((400, 300), SPEC) | {"orient": np.asarray(before)}, bars, None)
    assert causes(case)[0].name == "fitted into 232 x 232 with bars of grey 0"


def test_bytes_that_are_not_rounded_after_resizing():
    spec = PreprocessSpec(Shorter("shorter", 96), CenterCrop("center", 64, 64), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bicubic")
    reference = small((200, 150), spec)
    before = pictures.draw(3, (200, 150))
    reference["resize"] = np.asarray(before.resize((128, 96), Image.Resampling.BICUBIC))
    reference["crop"] = reference["resize"][16:80, 32:96]
    reference["normalise"] = pictures.tensor(reference["crop"], spec.mean, spec.std)
    planes = [np.asarray(band.convert("F").resize((128, 96), Image.Resampling.BICUBIC)) for band in before.split()]
    made = pictures.tensor(np.stack(planes, axis=-1)[16:80, 32:96], spec.mean, spec.std)
    (best, *_) = causes(Case("normalise", Path("x.png"), spec, reference, made, None))
    assert best == Cause("not rounded to bytes after resizing", 1.0, 1, 1)
    clipped = np.clip(np.stack(planes, axis=-1), 0, 255)
    for name, values in (("rounded once, not after each pass", clipped + 0.5), ("cut off to whole numbers, not rounded", clipped)):
        case = Case("resize", Path("x.png"), spec, reference, values.astype(np.uint8), None)
        assert name in [cause.name for cause in causes(case) if cause.exact]


def test_an_image_without_a_difference_and_one_with_nan_have_no_cause(tmp_path):
    path = pictures.files(tmp_path)[0]
    reference = pictures.reference(path)
    assert causes(decoded(path, reference["decode"])) == ()
    assert causes(Case("normalise", path, SPEC, reference, reference["normalise"] * np.float32(np.nan), None)) == ()


def test_squares_in_blocks():
    one, other = np.arange(3_000_000, dtype=np.uint8).reshape(1000, 1000, 3), np.zeros((1000, 1000, 3), np.uint8)
    assert squares(one, other) == pytest.approx(float(np.sum(one.astype(np.int64) ** 2)), rel=1e-4)
    assert squares(one, one) == 0
    assert squares(one[:0], other[:0]) == 0


def fault(stage: str, effect: float | None, flips: int, *causes: Cause) -> StageFault:
    return StageFault(stage, 6, 4, effect, flips, "seen so", causes)


def test_the_worst_fault_is_blamed_and_the_others_are_listed():
    resize = fault("resize", 0.9, 2, Cause("no antialias", 0.9749, 0, 6))
    decode = fault("decode", 0.1, 0, Cause("grey", 0.31, 0, 6))
    label = fault("label", None, 3, Cause("labels permuted: a -> b", 1.0, 6, 6))
    assert verdict.rank([decode, resize], 2) == (resize, decode)
    assert verdict.rank([decode, resize, label], 5) == (label, resize, decode)  # it changes most labels
    assert verdict.rank([decode, label, resize], 9) == (resize, decode, label)
    assert verdict.blame((), 9) is None
    blamed = verdict.blame((resize, decode, label), 9)
    assert blamed is not None
    assert blamed.stage == "resize"
    assert blamed.said == (
        "resize is to blame (made there in 6 of 9 images, 90.0 % of the effect on the logits, 2 labels): no antialias explains 97.4 %;"
        " also decode (6 of 9, 10.0 % of the effect on the logits: no known cause explains more than 31.0 % (that is: grey; seen so));"
        " label (6 of 9, 3 labels: labels permuted: a -> b explains every value)"
    )


def test_words_of_a_diagnosis():
    assert verdict.diagnosis(fault("crop", 1.0, 0, Cause("x", 0.99999, 5, 6))) == "x explains 99.9 %"
    assert verdict.diagnosis(fault("crop", 1.0, 0)) == "no known cause explains any of it (seen so)"
    assert verdict.diagnosis(fault("logits", 1.0, 0, Cause("x", 0.2, 0, 6))) == "seen so"
