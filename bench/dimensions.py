"""The shape that an ONNX file declares of a value."""

from __future__ import annotations

from onnx import ValueInfoProto


def dimensions(value: ValueInfoProto) -> tuple[int | None, ...] | None:
    """Dimensions, None where one is dynamic (some exporters write -1 or 0, as Paddle's does); None where there is no shape."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    return tuple(each.dim_value if each.dim_value > 0 else None for each in value.type.tensor_type.shape.dim)
