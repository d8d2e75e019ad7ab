"""A run of 5,000 cells and 10,000 classes through everything that writes it: whole where it may be, cut where it must be, in seconds."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from rich.console import Console

from bench.parity import junit
from bench.report import csv_files, page, step_summary, summary, tables, terminal, typeset, write
from bench.results import ImageVerdict, Results
from contract import strict
from contract.layout import CHECKOUT
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


def test_every_writer(large, tmp_path, monkeypatch):
    summary_file = tmp_path / "step.md"
    monkeypatch.setenv(step_summary.VARIABLE, str(summary_file))
    before = time.process_time()
    found = tables.all_tables(large)
    texts = {
        "summary.md": summary.markdown(large, found),
        "tables.txt": typeset.to_text(found),
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
    # Every class is in a failure.
    assert sizes["tables.txt"] < 2000 * CELLS + 200 * CLASSES
    assert texts["tables.txt"].count("openvino cpu") >= CELLS // len(RUNTIMES)
    assert sizes["summary.md"] < 2000 * CELLS
    # Cut, and saying so.
    assert page.LARGEST * 0.1 < sizes["index.html"] <= page.LARGEST
    assert "This run is large" in texts["index.html"]
    assert sizes["step"] <= step_summary.MOST_BYTES
    assert "more rows: see summary.md" in summary_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 100, 190])
def test_terminals(large, tmp_path, monkeypatch, width):
    file = io.StringIO()
    (tmp_path / "tables.txt").write_text("the tables\n", encoding="utf-8")
    monkeypatch.setattr(terminal, "stderr", lambda: Console(file=file, width=width, color_system=None))
    before = time.process_time()
    terminal.report(large, tmp_path)
    assert time.process_time() - before < SECONDS
    assert ("the tables" if width == 190 else f"more rows: see {tmp_path / 'tables.txt'}") in file.getvalue()


@pytest.mark.slow
def test_the_command_that_reports_on_it(large, tmp_path):
    folder = tmp_path / large.run
    folder.mkdir()
    write.store(large, folder)
    write.publish(folder)
    asked = [sys.executable, "-m", "bench", "report", "--reports", str(tmp_path)]
    done = subprocess.run(asked, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path / 'latest'}/index.html\n"
    assert done.stderr == (folder / "tables.txt").read_text(encoding="utf-8") + "\n"
    assert write.load(folder) == large
    record = strict.loads((folder / "benchmark.json").read_bytes(), "x")
    assert len(record["benchmarks"]) == CELLS
    made = {"summary.md", "index.html", "results.csv", "parity.csv", "junit.xml", "environment.json"}
    assert {path.name for path in folder.iterdir()} >= made
