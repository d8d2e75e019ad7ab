"""A run of 5,000 cells and 10,000 classes through everything that writes it: whole where it may be, cut where it must be, in seconds."""

from __future__ import annotations

import csv
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench.parity import junit
from bench.report import csv_files, page, step_summary, summary, tables, write
from bench.results import ImageVerdict, Results
from contract import strict
from tests.bench import made

VARIANTS, RUNTIMES = ("raw-dynamic", "raw-static", "sim-dynamic", "sim-static"), ("ort-python", "ort-rust", "openvino")
BACKBONES = 417
CELLS = BACKBONES * len(VARIANTS) * len(RUNTIMES)
CLASSES = 10_000
# Processor time of a writer that is linear, ten times over; one that looks at all cells for each cell takes longer.
SECONDS = 20.0


def of_backbones(count: int) -> Results:
    """A run over so many backbones, each in all variants and runtimes, with failures that show all classes in all."""
    run = made.results()
    cells, rows, contrasts = [], [], []
    for number in range(count):
        backbone = f"backbone_{number}"
        shown = tuple(ImageVerdict(f"{n}.jpg", "flip", f"class {n}", f"class {n + 1}", 1.5, 3.2) for n in range(number, CLASSES, count))
        for variant in VARIANTS:
            base = made.cell(variant, "ort-python", backbone=backbone)
            for runtime in RUNTIMES:
                cell = replace(base, runtime=runtime)
                cells.append(replace(made.measured(variant, runtime), cell=cell))
                if runtime != "ort-python":
                    contrasts.append(made.contrast(cell, base, "runtime", run.contrasts[0].ratio, "faster"))
                failed = replace(
                    run.parity[2], variant=variant, runtime=runtime, backbone=backbone, shown=shown if variant == VARIANTS[0] else ()
                )
                rows.append(failed if runtime == "openvino" else made.row(variant, runtime, backbone=backbone))
    pairs = [(f"class {number}", f"class {number + number % 2}", 1) for number in range(CLASSES)]
    return replace(
        run,
        cells=tuple(cells),
        parity=tuple(rows),
        contrasts=tuple(contrasts),
        subjects=tuple(made.subject(f"backbone_{number}") for number in range(count)),
        floors=tuple(replace(run.floors[0], backbone=f"backbone_{number}") for number in range(count)),
        confusions=(made.confusion(*pairs),),
    )


@pytest.fixture(scope="module")
def large() -> Results:
    return of_backbones(BACKBONES)


def test_every_writer_but_that_of_the_terminal(large, tmp_path, monkeypatch):
    """The terminal's tables are rich's, which takes milliseconds a row: below."""
    summary_file = tmp_path / "step.md"
    monkeypatch.setenv(step_summary.VARIABLE, str(summary_file))
    before = time.process_time()
    found = tables.all_tables(large)
    texts = {
        "summary.md": summary.markdown(large, found),
        "index.html": page.render(large, found),
        "results.csv": csv_files.results_csv(large),
        "parity.csv": csv_files.parity_csv(large),
        "junit.xml": junit.render(large),
    }
    step_summary.add(large, "run")
    assert time.process_time() - before < SECONDS
    sizes = {name: len(text.encode()) for name, text in texts.items()} | {"step": summary_file.stat().st_size}
    # Whole: a line for each cell and each row, at what one takes.
    assert CELLS == 5004
    assert [len(list(csv.reader(texts[name].splitlines(), strict=True))) for name in ("results.csv", "parity.csv")] == [1 + CELLS] * 2
    suite = ET.fromstring(texts["junit.xml"])
    assert len(suite) == CELLS + len(large.gate.rows)
    assert suite.get("failures") == str(CELLS // len(RUNTIMES) + 1)
    assert all(texts["summary.md"].count(f"| {variant} |") >= BACKBONES for variant in VARIANTS)
    assert all(sizes[name] < 1000 * CELLS for name in ("results.csv", "parity.csv", "junit.xml"))
    assert sizes["summary.md"] < 2000 * CELLS
    # Cut, and saying so.
    assert page.LARGEST * 0.1 < sizes["index.html"] <= page.LARGEST
    assert "This run is large" in texts["index.html"]
    assert sizes["step"] <= step_summary.MOST_BYTES
    assert "more rows: see summary.md" in summary_file.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_file_of_a_large_run(tmp_path):
    """A twelfth of it: rich takes as long for each row."""
    run = of_backbones(BACKBONES // 12)
    write.store(run, tmp_path)
    assert write.load(tmp_path) == run
    write.render_text(run, tmp_path)
    sizes = {path.name: path.stat().st_size for path in Path(tmp_path).iterdir()}
    assert sizes["tables.txt"] < 2000 * len(run.cells) + 200 * CLASSES  # every class is in a failure
    assert (tmp_path / "tables.txt").read_text(encoding="utf-8").count("openvino cpu") >= len(run.cells) // len(RUNTIMES)
    assert sizes.keys() >= {"summary.md", "index.html", "tables.txt", "results.csv", "parity.csv", "junit.xml", "results.json"}
    assert strict.loads((tmp_path / "environment.json").read_bytes(), "x")
