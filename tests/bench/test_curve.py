"""A scenario with several batches: its table, what may be called the best, and a whole run over fake runners."""

# ruff: noqa: F401, F811 (a fixture of another file)
from __future__ import annotations

from dataclasses import replace

import pytest

from bench import run
from bench.evidence.verify import verify
from bench.measure.again import with_control
from bench.measure.noise import noise
from bench.report import curve, tables
from bench.results import Block, Interval, Measured
from contract.matrix import Hole, Scenario
from tests.bench import fakes, made
from tests.bench.fakes import cell
from tests.bench.test_group import stage
from tests.bench.whole import MATRIX, ready, trained

CURVE = '{ name = "curve", kind = "throughput", batch = [8, 1, 3], variant = ["raw-dynamic"] }'


def at(batch: int, low: float, high: float, runtime: str = "ort-rust", **changes: object) -> Measured:
    """A cell of the curve with so many images per second."""
    rate = Interval((low + high) / 2, low, high)
    return replace(made.measured("raw-dynamic", runtime, "curve", batch), kind="throughput", images_per_second=rate, **changes)


@pytest.mark.parametrize(
    ("row", "best"),
    [
        ([at(1, 90, 110), at(4, 190, 210), at(8, 211, 230)], 8),
        ([at(1, 90, 110), at(4, 190, 211), at(8, 211, 230)], None),  # they touch
        ([at(1, 90, 240), at(4, 190, 210), at(8, 211, 230)], None),  # not the next best, but one that is uncertain
        ([at(4, 300, 310), at(1, 90, 110)], 4),
        ([at(4, 300, 310)], None),  # nothing to choose from
        ([], None),
        ([at(1, 90, 110), replace(at(4, 190, 210), images_per_second=None), at(8, 211, 230)], None),  # too few samples of one
        ([at(1, 90, 110), at(4, 1, 2, error="died"), at(8, 211, 230)], 8),  # one that has no number is not judged
    ],
)
def test_the_best_batch_is_said_only_where_it_can_be(row, best):
    assert curve.fastest(row) == best


def test_the_table():
    """Rows by runtime, columns by batch in rising order; a hole is a dash, an error is told below."""
    cells = (
        *(at(8, 211, 230), at(1, 90, 110), at(2, 95, 105, "ort-python"), at(1, 99, 101, "ort-python")),
        at(8, 1, 2, "ort-python", error="ort-python: time: died (exit code 3)"),
        replace(at(1, 90, 110), cell=cell("raw-dynamic again", "ort-rust", "curve", 1)),
        at(1, 50, 60, "torch-eager"),
    )
    holes = (Hole(cell("raw-dynamic", "ort-rust", "curve", 2), "too slow"), Hole(cell("raw-dynamic", "ort-rust", "other", 16), "too slow"))
    results = replace(made.results(), cells=cells, holes=holes)
    found = tables.timed(results, "curve")
    assert found.title == "Throughput over batch sizes (curve): images/s, float32 in host memory to logits in host memory"
    assert found.columns == ("backbone", "variant", "runtime", "batch 1", "batch 2", "batch 8")
    name = "resnet18 (random)"
    assert list(found.rows) == [
        (name, "raw-dynamic", "ort-rust cpu", "100.0 [90.0, 110.0]", "-", "220.5 [211.0, 230.0]"),
        (name, "raw-dynamic", "ort-python cpu", "100.0 [99.0, 101.0]", "100.0 [95.0, 105.0]", "ERROR"),
        (name, "raw-dynamic", "torch-eager cpu", "55.00 [50.00, 60.00]", "-", "-"),
    ]
    assert found.right == {3, 4, 5}
    assert found.notes[1:] == (
        f"{name} raw-dynamic ort-rust cpu: batch 8 gives the most images per second",
        f"{name} raw-dynamic ort-python cpu, batch 8: ort-python: time: died (exit code 3)",
    )
    assert found in tables.all_tables(results)


def test_a_scenario_of_one_batch_has_a_table_with_percentiles():
    results = replace(made.results(), cells=(at(8, 211, 230),), holes=())
    assert "median per batch of 8 [95 %]" in tables.timed(results, "curve").columns


def test_rounds_of_different_batches_are_counted_apart():
    """Both have a round 0 in process 0: they are two rounds, and one of them was disturbed."""
    blocks = {
        batch: (Block(0, 0, 0, (5,), 0, 0, {}, cause), Block(0, 0, 1, (5,), 9, 0, {}, cause)) for batch, cause in ((1, None), (8, "x"))
    }
    found = noise([at(batch, 1, 2, blocks=taken) for batch, taken in blocks.items()], [], {})
    assert (found.rounds, found.disturbed) == (2, {"x": 1})


def test_the_control_of_a_curve_is_one_cell_more(tmp_path):
    scenario = Scenario("curve", "throughput", (1, 8))
    groups = [(scenario, [(cell(scenario="curve", batch=batch), tmp_path / "m.onnx")]) for batch in (1, 8)]
    (_, one), (_, eight) = with_control(groups, {})
    assert [str(each) for each, _ in one] == [f"resnet18/{name}/ort-python/cpu/curve-1" for name in ("raw-dynamic", "raw-dynamic again")]
    assert [str(each) for each, _ in eight] == ["resnet18/raw-dynamic/ort-python/cpu/curve-8"]


@pytest.mark.parametrize(("mix", "said"), [(0, None), (1, "answers the timed inputs wrongly: off by ")])
def test_without_a_reference_an_answer_must_repeat_itself(stage, tmp_path, monkeypatch, mix, said):
    """Batches of three of eight images: each image is asked three times, in other company. Nobody says what is right but the first."""
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", mix=mix))
    pair = (cell(runtime="ort-rust", scenario="curve", batch=3), stage.model("raw-dynamic"))
    group = stage.group([pair], Scenario("curve", "throughput", (1, 3)), replace(stage.inputs, logits=None))
    group.prepare(tmp_path)
    error = group.entries[0].error
    assert error is None if said is None else said in str(error)


def test_a_whole_run(tmp_path, pids, capsys):
    text = MATRIX.replace('{ name = "throughput",', f'{CURVE},\n  {{ name = "throughput",')
    options = ready(tmp_path, "--scenario", "curve", "--seconds", "0.6", matrix=text)
    trained(tmp_path, options)
    results, folder = run.run(options, measuring=True)
    assert results.exit_code == 0
    timed = [each.cell for each in results.cells if each.cell.variant != "raw-dynamic again"]
    assert [(each.runtime, each.batch) for each in timed] == [(name, batch) for batch in (8, 1, 3) for name in fakes.RUNTIMES]
    assert {each.error for each in results.cells} == {None}
    # Within a batch alone.
    assert {(each.cell.batch, each.base.batch) for each in results.contrasts} == {(batch, batch) for batch in (1, 3, 8)}
    assert all(row.batches.keys() == {"1", "2", "3", "7", "8"} for row in results.parity if row.variant != "raw-static")
    assert verify(folder) == 0
    shown = (folder / "summary.md").read_text(encoding="utf-8")
    assert "| backbone | variant | runtime | batch 1 | batch 3 | batch 8 |" in shown
    said = capsys.readouterr().err
    for batch in (1, 3, 8):
        assert f"measuring wings/resnet18 on cpu: curve-{batch}, process 1" in said
        assert f"forecast: wings/resnet18 on cpu: curve-{batch}: " in said
