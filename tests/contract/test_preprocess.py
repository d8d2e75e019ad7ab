"""The preprocess spec as it travels inside an ONNX file."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from contract.errors import DataError
from contract.preprocess import CenterCrop, Exact, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 232), CenterCrop("center", 224, 200), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SPECS = [
    SPEC,
    replace(SPEC, resize=Exact("exact", 320, 240), crop=None, interpolation="bicubic", scale="x*(1/255)"),
    replace(SPEC, resize=None),
    replace(SPEC, resize=None, crop=None, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
]


@pytest.mark.parametrize("spec", SPECS)
def test_round_trip(spec):
    assert PreprocessSpec.from_json(spec.to_json()) == spec


def test_the_tensor_s_size_is_height_and_width():
    assert [spec.input_size for spec in SPECS] == [(200, 224), (240, 320), (200, 224), None]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"resize": {"kind": "shorter", "size": 0}}, "a size must be at least 1 pixel"),
        ({"resize": {"kind": "longer", "size": 9}}, "'longer' is not one of 'shorter'"),
        ({"crop": {"kind": "center", "width": 224}}, "missing key 'height'"),
        ({"crop": {"kind": "center", "width": 224, "height": -1}}, "a size must be at least 1 pixel"),
        ({"interpolation": "nearest"}, "'nearest' is not one of 'bilinear', 'bicubic'"),
        ({"scale": "x/256"}, "is not one of 'x/255'"),
        ({"std": [0.1, 0, 0.1]}, "mean must be finite, and std positive and finite"),
        ({"mean": [0.1, 0.1]}, "expected 3 items, got 2"),
        ({"mean": [0.1, 0.1, "0"]}, "expected a number, got '0'"),
        ({"orient": 0}, "expected true or false, got 0"),
        ({"orient": None}, "expected true or false, got None"),
        ({"colour": "BGR"}, "'BGR' is not one of 'RGB'"),
        ({"format": 2}, "2 is not one of 1"),
        ({"antialias": True}, "unknown key 'antialias'"),
    ],
)
def test_what_this_version_does_not_describe_is_refused(change, what):
    with pytest.raises(DataError) as caught:
        PreprocessSpec.from_json(json.dumps(json.loads(SPEC.to_json()) | change), "my.onnx")
    assert what in caught.value.what
    assert caught.value.where.startswith("my.onnx")


@pytest.mark.parametrize("change", [{"std": (0.1, math.nan, 0.1)}, {"mean": (math.nan, 0.0, 0.0)}, {"std": (math.inf, 1.0, 1.0)}])
def test_not_even_python_can_make_one_that_is_not_a_number(change):
    with pytest.raises(DataError, match="mean must be finite"):
        replace(SPEC, **change)
