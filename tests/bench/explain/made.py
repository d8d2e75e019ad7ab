"""Looks made by hand: their parts are round numbers that can be added up by reading."""

from __future__ import annotations

from dataclasses import replace

from bench.explain.found import Look
from bench.results import Interval, Measured, Results
from tests.bench import made
from tests.bench.fakes import cell

MS = 1_000_000.0
EAGER, PYTHON, RUST = cell("eager", "torch-eager"), cell("raw-dynamic", "ort-python"), cell("raw-dynamic", "ort-rust")
RATIO = Interval(1.66, 1.6, 1.7)


def torch(process: int = 0, convolution: float = 20.0) -> Look:
    """30 ms: 20 convolution (in two kinds, one within the other), 4 normalisation, 2 activation, 1 + 1 others, 2 outside of operators."""
    operators = {
        "aten::mkldnn_convolution": (convolution - 0.5) * MS,
        "aten::conv2d": 0.5 * MS,
        "aten::native_batch_norm": 4 * MS,
        "aten::relu_": 2 * MS,
        "aten::add_": 1 * MS,
        "aten::max_pool2d_with_indices": 1 * MS,
    }
    wall = (convolution + 10) * MS
    nodes = {(f"layer{n}.conv", "Conv2d"): n * MS for n in range(12)}
    return Look(process, wall, wall, {}, wall + 3 * MS, operators, dict.fromkeys(operators, 20.0), nodes)


def onnx(process: int = 0, convolution: float = 16.0) -> Look:
    """18 ms: 16 convolution, 0.5 matrix product, 0.5 pooling, 0.2 layout, 0.8 outside of operators."""
    operators = {"Conv": convolution * MS, "Gemm": 0.5 * MS, "MaxPool": 0.5 * MS, "ReorderInput": 0.2 * MS}
    wall = (convolution + 2) * MS
    nodes = {(f"node_conv2d_{n}", "Conv"): n * MS for n in range(8)}
    return Look(process, wall, wall, {}, wall + 1 * MS, operators, {"Conv": 20.0, "Gemm": 1.0, "MaxPool": 1.0, "ReorderInput": 2.0}, nodes)


def processes(look, *convolutions: float) -> list[Look]:
    """Two looks in each process, with such convolutions."""
    return [look(process, each) for process, each in enumerate(convolutions) for _ in range(2)]


def with_operators(look: Look, more: dict[str, float]) -> Look:
    return replace(look, operators=look.operators | more, calls=look.calls | dict.fromkeys(more, 1.0))


def end_to_end(look: Look, decode: float) -> Look:
    """The same with a file to read: 1 ms of resize, and 0.1 ms between the stages."""
    return replace(look, wall=look.wall + (decode + 1.1) * MS, stages={"decode": decode * MS, "resize": 1 * MS})


def measured(which=PYTHON, **changes: object) -> Measured:
    return made.measured(which.variant, which.runtime, which.scenario, which.batch, **changes)


def results(ratio: Interval | None = RATIO, verdict: str | None = "slower", **changes: object) -> Results:
    """A run of torch-eager against ort-python, and of ort-rust, of which the run says nothing."""
    run = made.results()
    contrast = made.contrast(EAGER, PYTHON, "runtime", ratio, verdict)
    cells = (measured(EAGER, median=30_000_000), measured(PYTHON, median=18_000_000), measured(RUST, median=18_000_000))
    return replace(run, cells=cells, contrasts=(contrast,), holes=(), **changes)
