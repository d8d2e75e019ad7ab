"""The main job, end to end: what a user gets from `nox -s train export bench`."""

from __future__ import annotations

import json

import jsonschema
import pytest

from bench.fleet import same_library
from bench.measure import comparable
from contract.layout import CHECKOUT
from tests.end_to_end.conftest import Chain

pytestmark = pytest.mark.slow
VARIANTS, RUNTIMES = ("raw-static", "raw-dynamic", "sim-static", "sim-dynamic"), ("ort-python", "ort-rust")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_top1_is_that_of_pytorch_on_every_held_out_image(chain: Chain, variant: str, runtime: str) -> None:
    (row,) = [row for row in chain.results().parity if (row.variant, row.runtime) == (variant, runtime)]
    assert row.images == 16
    assert (row.flips, row.near_tie_flips) == (0, 0), row.shown
    assert row.tensors_equal == row.images
    assert row.problems == ()


def test_python_and_rust_give_the_same_bits_on_the_same_library(chain: Chain) -> None:
    results = chain.results()
    assert same_library(results.receipts["ort-python"], results.receipts["ort-rust"])
    for row in results.parity:
        if row.runtime == "ort-rust":
            assert row.bits_equal_to == {"ort-python": row.images}


def test_every_cell_has_a_number_or_a_reason(chain: Chain) -> None:
    results = chain.results()
    assert [cell.error for cell in results.cells if cell.error] == []
    # eager + 2 runtimes x 4 variants; static variants are holes at batch 8; load and e2e on raw-dynamic.
    assert len([cell for cell in results.cells if cell.cell.scenario == "latency"]) == 9
    assert len([cell for cell in results.cells if cell.cell.scenario == "throughput"]) == 5
    assert {hole.why for hole in results.holes} == {"static batch 1"}
    assert all(min(block.samples_ns) > 0 for cell in results.cells for block in cell.blocks)
    assert {contrast.not_comparable for contrast in results.contrasts} == {None}


def test_every_rule_of_comparing_is_about_something_that_a_runner_reports(chain: Chain) -> None:
    results = chain.results()
    told = {place for cell in results.cells for place in comparable.facts(results.receipts[cell.cell.runtime], cell.options)}
    on_cuda = {("options", "tf32"), ("options", "conv_search")}
    in_openvino = {("options", "streams"), ("options", "performance_hint")}
    assert told == set(comparable.RULE_OF) - on_cuda - in_openvino
    python, rust = (results.receipts[name].process for name in RUNTIMES)
    assert python == rust | {"garbage_collector": "off in samples", "gil": True}


def test_report_files(chain: Chain) -> None:
    folder = chain.folder / "reports" / "latest"
    summary = (folder / "summary.md").read_text()
    assert "8 of 8 variants x runtimes agree" in summary
    assert "random weights" in summary
    record = json.loads((folder / "benchmark.json").read_text())
    results = chain.results()
    assert len(record["benchmarks"]) == len(results.cells)
    assert "node" not in record["machine_info"]
    schema = json.loads((CHECKOUT / "bench" / "results.schema.json").read_text())
    jsonschema.validate(json.loads((folder / "results.json").read_text()), schema)
    assert (folder / "junit.xml").is_file()
    assert (folder / "environment.json").is_file()


def test_a_second_run_skips_what_is_current(chain: Chain) -> None:
    before = {path: path.stat().st_mtime_ns for path in (chain.folder / "artifacts").rglob("*.onnx")}
    assert before
    chain.step("train")
    chain.step("export")
    assert {path: path.stat().st_mtime_ns for path in (chain.folder / "artifacts").rglob("*.onnx")} == before


def test_a_corrupt_onnx_file_is_refused_by_name(chain: Chain) -> None:
    path = next((chain.folder / "artifacts").rglob("sim-dynamic.onnx"))
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        done = chain.step("bench", "parity", check=False)
    finally:
        path.write_bytes(good)
    assert done.returncode == 4
    assert "sim-dynamic.onnx" in done.stderr
    assert "sha256" in done.stderr
    assert "Traceback" not in done.stderr


def test_cuda_asked_and_absent_is_exit_3(chain: Chain) -> None:
    if any("cuda" in receipt.providers for receipt in chain.results().receipts.values()):
        pytest.skip("this machine has CUDA")
    done = chain.step("bench", "parity", "--device", "cuda", check=False)
    assert done.returncode == 3
    assert "CUDA was asked for" in done.stderr
