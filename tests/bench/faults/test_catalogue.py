"""The register of faults: enough of them, each with a place to be blamed, and each changes what it says it changes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bench.faults import catalogue, patient
from bench.faults.catalogue import Picture
from bench.faults.every import FAULTS
from contract.errors import UsageError
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 72), CenterCrop("center", 64, 64), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
IMAGE_FAULTS = [fault for fault in FAULTS.values() if fault.seam == "image"]


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Picture:
    """A drawn JPEG that states that it is turned, and its true stages."""
    image = Image.new("RGB", (150, 110), (90, 140, 60))
    draw = ImageDraw.Draw(image)
    for step in range(9):
        draw.ellipse((step * 14, step * 7, step * 14 + 40, step * 7 + 30), fill=(250 - step * 25, step * 28, 40 + step * 20))
    file = BytesIO()
    image.save(file, "JPEG", quality=95)
    path = tmp_path_factory.mktemp("picture") / "turned.jpg"
    path.write_bytes(patient.stating(file.getvalue(), 6))
    decoded = Image.open(path).convert("RGB")
    resized = decoded.resize((98, 72), Image.Resampling.BILINEAR)
    cropped = np.asarray(resized)[4:68, 17:81]
    scaled = np.moveaxis(cropped, 2, 0).astype(np.float32) / np.float32(255)
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (SPEC.mean, SPEC.std))
    pixels = np.asarray(decoded)
    stages = {"decode": pixels, "orient": pixels, "resize": np.asarray(resized), "crop": cropped, "normalise": (scaled - mean) / std}
    return Picture(stages, SPEC, str(path))


def test_there_are_enough_of_all_groups():
    groups = {fault.group for fault in FAULTS.values()}
    assert groups == {"pixels", "tensor", "labels", "model", "runtime"}
    assert len(FAULTS) >= 30
    for fault in FAULTS.values():
        assert list(fault.doses) == sorted(fault.doses, reverse=fault.name != "compressed_again")
        assert fault.stage in ("decode", "orient", "resize", "crop", "normalise", "logits", "top-1", "label", "runtime")


def test_an_unknown_one_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="unknown fault 'brg'"):
        catalogue.find("brg", FAULTS)
    assert catalogue.find("bgr", FAULTS).stage == "decode"


@pytest.mark.parametrize("fault", IMAGE_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_an_image_changes_its_stage_and_keeps_its_kind(fault, picture):
    true = picture.stages[fault.stage]
    wrong = fault.apply(picture, fault.doses[0])
    assert wrong.dtype == true.dtype
    assert wrong.ndim == 3
    assert wrong.shape != true.shape or not np.array_equal(wrong, true)
    if fault.stage in ("crop", "normalise"):
        assert wrong.shape == true.shape


@pytest.mark.parametrize("fault", [fault for fault in IMAGE_FAULTS if len(fault.doses) > 1], ids=lambda fault: fault.name)
def test_a_weaker_dose_does_less(fault, picture):
    def size(dose: float) -> float:
        wrong = fault.apply(picture, dose)
        return (
            np.inf if wrong.shape != picture.stages[fault.stage].shape else float(np.abs(wrong - picture.stages[fault.stage] * 1.0).mean())
        )

    sizes = [size(dose) for dose in fault.doses]
    assert sizes == sorted(sizes, reverse=True)


def test_no_antialias_is_what_opencv_and_torch_do(picture):
    """Against torch's own antialias=False, which rounds alike but for ties."""
    torch = pytest.importorskip("torch")
    planes = torch.from_numpy(np.moveaxis(picture.stages["orient"], 2, 0).copy())[None].float()
    expected = torch.nn.functional.interpolate(planes, size=(72, 98), mode="bilinear", antialias=False, align_corners=False)
    wrong = FAULTS["no_antialias"].apply(picture, 1.0)
    assert np.abs(np.moveaxis(expected[0].numpy(), 0, 2) - wrong).max() <= 0.5 + 1e-4


def test_truncated_values_lie_at_most_one_below(picture):
    difference = picture.stages["resize"].astype(int) - FAULTS["truncated"].apply(picture, 1.0)
    assert set(np.unique(difference)) == {0, 1}


def test_exif_is_applied_only_where_it_is_stated(picture):
    assert FAULTS["exif_applied"].apply(picture, 1.0).shape == (150, 110, 3)
    with Image.open(picture.path) as image:
        assert image.getexif()[patient.ORIENTATION] == 6
        assert np.array_equal(np.asarray(image.convert("RGB")), picture.stages["decode"])
