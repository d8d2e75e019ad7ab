"""`report --explain` through the real profilers: ONNX Runtime's, in Python and Rust, and torch's."""

from __future__ import annotations

import pytest

from bench.explain.families import OTHER
from bench.explain.found import Explanation
from contract import strict
from tests.end_to_end.conftest import Chain

pytestmark = pytest.mark.slow


def explained(chain: Chain, one: str, other: str) -> tuple[Explanation, str]:
    done = chain.step("bench", "report", "--json", "--explain", one, other)
    found = strict.decode(Explanation, strict.loads(done.stdout, "stdout"), "stdout")
    for side in (found.a, found.b):
        assert sum(part.a_ns if side is found.a else part.b_ns for part in found.parts) == pytest.approx(side.wall_ns)
        # Self times: were nested operators counted twice, they would exceed the forward in which they were recorded.
        assert 0.5 * side.recorded_ns < side.operators_ns < 1.05 * side.recorded_ns
        unknown = [kind for kind in side.kinds if kind.family == OTHER]
        assert sum(kind.ns for kind in unknown) < 0.01 * side.operators_ns, unknown
    assert done.stderr.count("Where the difference lies") == 1
    return found, done.stderr


def test_torch_against_onnx_runtime(chain: Chain) -> None:
    found, said = explained(chain, "torch-eager/latency", "ort-python/raw-dynamic/latency")
    families = {part.name: (part.a_ns, part.b_ns) for part in found.parts if part.kind == "family"}
    assert max(families, key=lambda name: families[name]) == "convolution"
    assert min(families["convolution"]) > 0.5 * max(families["convolution"]) / 2
    assert families["normalisation"][0] > 0
    assert families["normalisation"][1] == 0, "ONNX Runtime folds it into the convolutions"
    assert "only torch-eager has operators of normalisation" in said.replace("\n", " ")
    layers = {node.name for node in found.a.nodes}
    assert {"conv1", "layer4.1.conv2", "fc"} <= layers
    calls = {kind.op: kind.calls for kind in found.a.kinds}
    assert calls["aten::mkldnn_convolution"] == 20
    assert sum(kind.calls for kind in found.b.kinds if kind.family == "convolution") == 20


def test_python_against_rust_on_one_file(chain: Chain) -> None:
    found, _ = explained(chain, "ort-python/raw-dynamic/throughput", "ort-rust/raw-dynamic/throughput")
    one, other = ({kind.op: kind.calls for kind in side.kinds} for side in (found.a, found.b))
    assert one == other, "the same graph, optimised alike, and the first forward left out by both"
    assert {node.name for node in found.a.nodes} == {node.name for node in found.b.nodes}


def test_e2e_is_explained_by_its_stages(chain: Chain) -> None:
    found, said = explained(chain, "ort-python/e2e", "ort-rust/e2e")
    assert [part.name for part in found.parts if part.kind == "stage"] == ["read", "decode", "resize", "normalise", "label"]
    assert "One image, from file to label" in said


def test_the_files_of_an_explanation(chain: Chain) -> None:
    done = chain.step("bench", "report", "--explain", "ort-python/raw-dynamic/latency", "ort-python/sim-dynamic/latency")
    path = (
        chain.folder / "reports" / "latest" / "explain-resnet18-raw-dynamic-ort-python-latency-resnet18-sim-dynamic-ort-python-latency.md"
    )
    assert done.stdout.strip().endswith(path.name)
    assert "### resnet18 \\(random\\): Operator kinds: self time of one forward" in path.read_text()
    assert path.with_suffix(".json").is_file()


def test_an_unknown_cell(chain: Chain) -> None:
    done = chain.step("bench", "report", "--explain", "resnet18/raw-dynamic/ort-rst/latency", "torch-eager/latency", check=False)
    assert done.returncode == 2
    assert "did you mean 'resnet18/raw-dynamic/ort-rust/latency'?" in done.stderr
    assert "Traceback" not in done.stderr
