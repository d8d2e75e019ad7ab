"""Families of operators, in which torch's kinds (aten::mkldnn_convolution) and ONNX Runtime's (Conv, FusedConv) stand side by side."""

from __future__ import annotations

OTHER = "other operators"
# Kinds without torch's "aten::" and without the "_" of its in-place forms. The first of a torch name's nested operators that does the
# work is in the same family as those around it, so that their self times come together.
FAMILIES: dict[str, str] = {
    "convolution": """
        Conv FusedConv ConvTranspose NhwcConv NhwcFusedConv ConvInteger QLinearConv GroupedConv
        conv1d conv2d conv3d conv_transpose2d convolution _convolution convolution_overrideable mkldnn_convolution cudnn_convolution
        cudnn_convolution_relu cudnn_convolution_add_relu miopen_convolution mps_convolution thnn_conv2d _slow_conv2d_forward
        slow_conv_transpose2d _conv_depthwise2d _nnpack_spatial_convolution
    """,
    "matrix product": """
        Gemm FusedGemm MatMul FusedMatMul MatMulInteger QLinearMatMul GemmFastGelu TransposeMatMul Einsum Attention MultiHeadAttention
        linear addmm mm bmm baddbmm matmul mv dot addmv mkldnn_linear _addmm_activation einsum scaled_dot_product_attention
        _scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention _native_multi_head_attention
    """,
    "activation": """
        Relu LeakyRelu PRelu Elu Celu Selu Clip Sigmoid HardSigmoid Swish HardSwish Mish Tanh Softplus Softmax LogSoftmax Gelu FastGelu
        BiasGelu QuickGelu Erf ThresholdedRelu
        relu relu6 leaky_relu prelu _prelu_kernel elu celu selu clamp clamp_min clamp_max hardtanh sigmoid hardsigmoid silu hardswish mish
        tanh softplus softmax _softmax log_softmax _log_softmax gelu erf threshold
    """,
    "normalisation": """
        BatchNormalization LayerNormalization SkipLayerNormalization SimplifiedLayerNormalization InstanceNormalization GroupNormalization
        GroupNorm LRN LpNormalization
        batch_norm _batch_norm_impl_index native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm miopen_batch_norm
        mkldnn_batch_norm instance_norm group_norm native_group_norm layer_norm native_layer_norm
    """,
    "pooling": """
        MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool NhwcMaxPool ReduceMean ReduceMax ReduceSum
        max_pool2d max_pool2d_with_indices mkldnn_max_pool2d avg_pool2d adaptive_avg_pool2d _adaptive_avg_pool2d mkldnn_adaptive_avg_pool2d
        adaptive_max_pool2d mean sum amax max
    """,
    "elementwise": """
        Add Sub Mul Div Sum Mean Max Min Neg Abs Sqrt Reciprocal Pow Exp Log BiasAdd AddBiasAdd Where Equal Less Greater Not And Or
        add sub rsub mul div neg abs sqrt rsqrt reciprocal pow exp log where eq lt gt addcmul addcdiv lerp maximum minimum
    """,
    "layout and copies": """
        ReorderInput ReorderOutput Transpose Reshape Flatten Squeeze Unsqueeze Concat Split Slice Gather GatherElements Expand Tile Pad Cast
        Identity Shape Size ConstantOfShape Constant Range MemcpyToHost MemcpyFromHost Resize Upsample DepthToSpace SpaceToDepth
        to _to_copy copy clone contiguous reshape _reshape_alias _unsafe_view view flatten unflatten permute transpose t numpy_T squeeze
        unsqueeze expand expand_as as_strided slice select narrow split chunk cat stack pad constant_pad_nd empty empty_like empty_strided
        zeros zeros_like ones fill zero resize resize_as resolve_conj resolve_neg detach lift_fresh alias item _local_scalar_dense cpu cuda
        upsample_bilinear2d upsample_nearest2d pixel_shuffle repeat index gather
    """,
    "dropout": "Dropout dropout feature_dropout native_dropout",
    "quantisation": "QuantizeLinear DequantizeLinear DynamicQuantizeLinear quantize_per_tensor dequantize",
}
FAMILY = {kind: name for name, kinds in FAMILIES.items() for kind in kinds.split()}


def family(kind: str) -> str:
    """The family of an operator kind: `aten::relu_` and `Relu` are activations, an unknown one is `other operators`."""
    plain = kind.removeprefix("aten::")
    return FAMILY.get(plain) or FAMILY.get(plain.rstrip("_"), OTHER)
