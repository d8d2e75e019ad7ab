"""How many scans a JPEG file may have: counted as infer_rs counts them (its own tests have the same cases)."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from contract import scans

SCAN = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0pixels\xff\0\xff\xd3\xff\xff"
THUMBNAIL = b"\xff\xe1\0\x18" + SCAN


@pytest.mark.parametrize(
    ("parts", "counted"),
    [
        ([], 0),
        ([SCAN], 1),
        ([SCAN, SCAN, b"\xff\xd9", SCAN], 2),
        ([THUMBNAIL, SCAN, b"\xff\xd9"], 1),
        ([b"\xff\x01", SCAN, b"\xff\xc4\0\x02", SCAN], 2),
        ([SCAN, b"\xff\xda"], 2),
    ],
)
def test_scans_are_counted_up_to_the_end_of_the_image(parts, counted):
    assert scans.count(b"\xff\xd8" + b"".join(parts)) == counted


def test_many_scans_are_allowed_of_few_pixels():
    many = b"\xff\xd8" + 100 * SCAN
    assert scans.refusal(many, 1, 1) is None
    assert scans.refusal(many, 9_000, 9_000) is None
    assert (scans.refusal(many, 9_400, 9_400) or "").startswith("100 scans of 9400 x 9400 pixels are more than 97")
    # What is behind the image is not painted.
    assert scans.refusal(b"\xff\xd8" + SCAN + b"\xff\xd9" + 100 * SCAN, 9_400, 9_400) is None


@pytest.mark.parametrize(("options", "counted"), [({}, 1), ({"progressive": True}, 10), ({"restart_marker_blocks": 2}, 1)])
def test_what_an_encoder_writes(options, counted):
    file = io.BytesIO()
    Image.effect_noise((80, 60), 90).convert("RGB").save(file, "JPEG", quality=95, **options)
    assert scans.count(file.getvalue()) == counted
