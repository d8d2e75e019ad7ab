"""Which operator kinds stand against which."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.explain.families import FAMILIES, OTHER, family


@pytest.mark.parametrize(
    ("name", "torch", "ort"),
    [
        ("convolution", "aten::conv2d aten::convolution aten::_convolution aten::mkldnn_convolution", "Conv FusedConv"),
        ("matrix product", "aten::linear aten::addmm aten::matmul aten::mm", "Gemm MatMul FusedGemm FusedMatMul"),
        ("activation", "aten::relu aten::relu_ aten::clamp_min_ aten::silu_ aten::hardswish_ aten::sigmoid", "Relu Sigmoid HardSwish Clip"),
        ("normalisation", "aten::batch_norm aten::_batch_norm_impl_index aten::native_batch_norm", "BatchNormalization"),
        ("pooling", "aten::max_pool2d_with_indices aten::adaptive_avg_pool2d aten::mean", "MaxPool GlobalAveragePool ReduceMean"),
        ("elementwise", "aten::add_ aten::add aten::mul aten::div_", "Add Mul Sum"),
        ("layout and copies", "aten::to aten::_to_copy aten::copy_ aten::view aten::empty", "ReorderInput ReorderOutput Reshape Transpose"),
        (OTHER, "aten::fft_fft aten::relu__x my_op", "NonMaxSuppression"),
    ],
)
def test_torch_and_onnx_runtime_meet_in_a_family(name, torch, ort):
    assert {kind: family(kind) for kind in f"{torch} {ort}".split()} == dict.fromkeys(f"{torch} {ort}".split(), name)


def test_no_kind_is_in_two_families():
    counts = Counter(kind for kinds in FAMILIES.values() for kind in kinds.split())
    assert [kind for kind, count in counts.items() if count > 1] == []


def test_in_place_forms_are_not_written_out():
    assert [kind for kinds in FAMILIES.values() for kind in kinds.split() if kind.endswith("_") or kind.startswith("aten::")] == []
