"""`-k EXPR` on whole runs over fake runners: what is compared and measured is what it takes, and no more."""

from __future__ import annotations

import shutil
from dataclasses import replace

from bench import run
from bench.evidence.verify import verify
from bench.subject import open_folder
from contract import manifest
from contract import options as shared
from tests.bench.whole import ready, trained


def test_a_run_takes_the_cells_that_match(tmp_path, pids, capfd):
    options = ready(tmp_path, "--seconds", "0.2", "-k", "latency and (raw-static and ort-python or raw-dynamic and ort-rust)")
    trained(tmp_path, options)
    results, folder = run.run(options, measuring=True)
    assert results.exit_code == 0
    taken = {("raw-static", "ort-python"), ("raw-dynamic", "ort-rust")}
    assert {(row.variant, row.runtime) for row in results.parity} == taken
    assert len(results.parity) == 2
    measured = {(cell.cell.variant.removesuffix(" again"), cell.cell.runtime, cell.cell.scenario) for cell in results.cells}
    assert measured == {(*pair, "latency") for pair in taken}
    assert results.holes == ()
    assert set(results.receipts) == {"torch-eager", "ort-python", "ort-rust"}
    assert "plan: parity of 2 variants x runtimes" in capfd.readouterr().err
    assert verify(folder) == 0


def test_the_reference_is_asked_whatever_is_selected(tmp_path, pids):
    options = ready(tmp_path, "-k", "not torch-eager and not ort-rust and raw")
    trained(tmp_path, options)
    results, _ = run.run(options, measuring=False)
    assert results.exit_code == 0
    assert [(row.variant, row.runtime) for row in results.parity] == [("raw-static", "ort-python"), ("raw-dynamic", "ort-python")]
    assert set(results.receipts) == {"torch-eager", "ort-python"}


def test_two_backbones_are_narrowed_each_by_itself(tmp_path, pids):
    chosen = ("--backbone", "resnet18", "regnet_x_400mf")
    options = ready(tmp_path, *chosen, "-k", "resnet18/raw-static/ort-rust or regnet_x_400mf/sim-dynamic/ort-python")
    trained(tmp_path, options)
    # A subject of its own: `trained` makes of the second backbone a link to the first.
    first = options.artifacts / "wings" / "resnet18" / "0123abcd"
    second = options.artifacts / "wings" / "regnet_x_400mf"
    second.unlink()
    shutil.copytree(first.parent, second, ignore=shutil.ignore_patterns("asked"))
    asked = shared.asked(options, shared.select(options), "wings", "regnet_x_400mf")
    asked.point_to(options.artifacts, first.name)
    subject = open_folder(first)
    manifest.write(replace(subject.train, backbone="regnet_x_400mf"), second / first.name / manifest.TRAIN)
    manifest.write(replace(subject.export, backbone="regnet_x_400mf"), second / first.name / manifest.EXPORT)
    results, _ = run.run(options, measuring=False)
    assert [(row.backbone, row.variant, row.runtime) for row in results.parity] == [
        ("resnet18", "raw-static", "ort-rust"),
        ("regnet_x_400mf", "sim-dynamic", "ort-python"),
    ]
    assert results.exit_code == 0


def test_the_reference_alone_is_nothing_to_compare(tmp_path, pids):
    options = ready(tmp_path, "-k", "eager")
    trained(tmp_path, options)
    results, _ = run.run(options, measuring=False)
    assert (results.exit_code, results.parity) == (2, ())
    assert "nothing to compare" in results.problems[0]
