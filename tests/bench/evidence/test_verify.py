"""Every number of a stored run follows from its raw measurements, and one that does not is named."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench import run
from bench.evidence import order, raw, verify
from bench.evidence.recompute import recompute
from bench.measure.contrasts import contrast_all
from bench.measure.noise import noise
from bench.measure.summary import summarise
from bench.progress import Steps
from bench.report import write
from bench.results import Block, Measured, Results
from contract.errors import DataError
from tests.bench import fakes, made

CELLS = (fakes.cell(), fakes.cell(runtime="ort-rust"), fakes.cell("sim-dynamic"))


def measured() -> list[Measured]:
    """Three cells in four processes of two palindromic rounds each, one of them disturbed."""
    blocks: dict[int, list[Block]] = {0: [], 1: [], 2: []}
    now = 0
    for process in range(4):
        for number in range(2 * process, 2 * process + 2):
            cause = "stolen" if number == 5 else None
            for place, cell in enumerate([0, 1, 2, 2, 1, 0]):
                samples = (1_000_000 + 1000 * cell + now % 997, 1_100_000)
                blocks[cell].append(Block(process, number, 0 if place < 3 else 1, samples, now, 0, {}, cause))
                now += 3_000_000
    return [summarise(cell, "latency", blocks[n], {"threads": 1}, None, 1.0) for n, cell in enumerate(CELLS)]


def honest() -> Results:
    """A run whose every derived number follows."""
    results, cells = made.results(), measured()
    same = {("wings", "resnet18", "sim-dynamic", "raw-dynamic"): True, ("wings", "resnet18", "raw-dynamic", "sim-dynamic"): True}
    contrasts = tuple(contrast_all(cells, results.receipts, same, 0.01))
    results = replace(results, cells=tuple(cells), contrasts=contrasts, noise=noise(cells, contrasts, same))
    return recompute(results, raw.chronological(results))


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "a-run"
    folder.mkdir()
    made = honest()
    run.finish(made, folder, run.exit_code(made))
    return folder


@pytest.fixture
def folder(stored, tmp_path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "a-run"))


def test_an_honest_run_is_ok(folder, capsys):
    assert verify.verify(folder) == 0
    assert capsys.readouterr().out.startswith(f"OK: {folder}: 48 blocks, ")


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_going_on_is_a_few_lines_of_stderr(folder, capsys, as_json):
    verify.verify(folder, as_json=as_json)
    out, err = capsys.readouterr()
    assert [re.sub(r"^\[ *\d+ s\] | \(about \d+ s left\)$", "", line) for line in err.splitlines()] == [
        "reading results.json and the raw measurements",
        "computing 3 cells and 4 rows of parity again",
        "comparing every number",
        "making every file again",
        "comparing the samples of benchmark.json",
    ]
    assert len(out.splitlines()) == 1 or json.loads(out)


def test_on_a_terminal_there_is_a_bar_that_becomes_full(folder, monkeypatch, capsys):
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", shown)
    bars = []
    monkeypatch.setattr(verify, "Steps", lambda count: bars.append(Steps(count)) or bars[0])
    assert verify.verify(folder) == 0
    (task,) = bars[0]._live.tasks
    assert task.percentage == pytest.approx(100)
    assert "comparing the samples" in shown.getvalue()
    assert capsys.readouterr().out.startswith("OK: ")


def test_nothing_derived_is_believed():
    """Every derived number is spoiled, and comes out again as it was."""
    right = honest()
    spoiled = replace(
        right,
        cells=tuple(
            replace(cell, middle_ns=1.0, median_ns=None, samples=0, percentiles_ns={}, split_ns={"x": 1.0}) for cell in right.cells
        ),
        contrasts=(),
        noise=made.results().noise,
        parity=tuple(replace(row, bound=0.5, passed=not row.passed) if row.judged else row for row in right.parity),
        floors=tuple(replace(floor, tolerance=1.0) for floor in right.floors),
    )
    assert recompute(spoiled, raw.chronological(right)) == right


def test_stages_keep_their_order(tmp_path):
    """Tables show them as an image goes through them."""
    stages = dict.fromkeys(("decode", "resize", "normalise", "logits", "label"), (1, 2))
    cells = [replace(cell, blocks=tuple(replace(block, split_ns=stages) for block in cell.blocks)) for cell in measured()]
    results = replace(made.results(), cells=tuple(cells))
    raw.write_blocks(results, tmp_path)
    again = recompute(results, raw.read_blocks(tmp_path))
    assert [list(cell.split_ns) for cell in again.cells] == [list(stages)] * 3


def change(path: Path, edit: Callable[[Any], object]) -> None:
    results = json.loads(path.read_text())
    edit(results)
    path.write_text(json.dumps(results))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda run: run["contrasts"][0]["ratio"].update(value=0.9), "results.json: contrasts[0].ratio.value is 0.9, the raw measure"),
        (lambda run: run["contrasts"][0].update(verdict="faster"), "results.json: contrasts[0].verdict is "),
        (lambda run: run["cells"][1]["blocks"][0]["samples_ns"].__setitem__(0, 7), "results.json: cells[1].blocks[0].samples_ns[0] is 7"),
        (lambda run: run["cells"][0].update(middle_ns=5.0), "results.json: cells[0].middle_ns is 5.0"),
        (lambda run: run["noise"].update(alarms=9), "results.json: noise.alarms is 9"),
        (lambda run: run["parity"][0].update(bound=0.001), "results.json: parity[0].bound is 0.001"),
        (lambda run: run["parity"][2].update(passed=True), "results.json: parity[2].passed is true"),
        (lambda run: run["floors"][0].update(tolerance=1.0), "results.json: floors[0].tolerance is 1.0"),
        (lambda run: run["parity"][2].update(problems=[], checks=[]), "results.json: parity[2].checks: lacks 'labels', which its counts"),
        (lambda run: run["parity"][0].update(tensors_equal=299), "results.json: parity[0].checks: lacks 'tensors'"),
        (lambda run: run["parity"][0].update(max_difference_same_tensor=1.0), "results.json: parity[0].checks: lacks 'logits'"),
        (lambda run: run["parity"][0]["batches"].update({"1": 1.0}), "results.json: parity[0].checks: lacks 'batches'"),
        (lambda run: run["parity"][0].update(certified=299), "results.json: parity[0]: 301 images are counted, of 300"),
        (lambda run: run["parity"][0].update(tolerance=1.0), "results.json: parity[0].tolerance: is 1.0, and that of the noise floor"),
        (lambda run: run["parity"][2].update(problems=[]), "results.json: parity[2].problems: has 0, for 1 checks"),
        (lambda run: run["cells"].pop(), "blocks.jsonl: has blocks of "),
        (lambda run: run["contrasts"].pop(), "results.json: contrasts is "),
        (lambda run: run.update(exit_code=0), "results.json: exit_code is 0, the rows and cells make it 1"),
    ],
)
def test_a_number_that_does_not_follow_is_named(folder, edit, said, capsys):
    change(folder / "results.json", edit)
    assert verify.verify(folder) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", ["index.html", "summary.md", "tables.txt", "junit.xml", "environment.json"])
def test_a_file_that_was_edited(folder, name, capsys):
    with (folder / name).open("a") as file:
        file.write(" ")
    assert verify.verify(folder) == 1
    assert f"{name}: is not what results.json makes" in capsys.readouterr().out
    (folder / name).unlink()
    assert verify.verify(folder) == 1
    assert f"{name}: is missing" in capsys.readouterr().out


def test_the_record_of_pytest_benchmark(folder, capsys):
    change(folder / "benchmark.json", lambda record: record["benchmarks"][0]["stats"]["data"].__setitem__(0, 1.0))
    change(folder / "benchmark.json", lambda record: record["benchmarks"].pop())
    assert verify.verify(folder) == 1
    said = capsys.readouterr().out
    assert f"benchmark.json: test_cell[{CELLS[0]}] has other samples" in said
    assert f"benchmark.json: test_cell[{CELLS[2]}] is missing" in said


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"benchmarks": [1]}', '{"benchmarks": [{"name": "x", "stats": {"data": ["1"]}}]}'])
def test_a_damaged_record_is_a_difference(folder, text, capsys):
    (folder / "benchmark.json").write_text(text)
    assert verify.verify(folder) == 1
    assert "benchmark.json: is no record of pytest-benchmark\n" in capsys.readouterr().out


def test_many_differences_are_counted(folder, capsys):
    change(folder / "results.json", lambda run: [cell.update(middle_ns=1.0, samples=1, blocks=[]) for cell in run["cells"]])
    change(folder / "results.json", lambda run: [row.update(bound=1.0) for row in run["parity"]])
    raw_lines = (folder / "raw" / "blocks.jsonl").read_text().splitlines()
    (folder / "raw" / "blocks.jsonl").write_text("\n".join(raw_lines[::-1]) + "\n")
    assert verify.verify(folder) == 1
    assert capsys.readouterr().out.splitlines()[-2].startswith("and ")


def test_a_run_without_raw_measurements(folder):
    (folder / "raw" / "blocks.jsonl").unlink()
    with pytest.raises(DataError, match="this run has no raw measurements"):
        verify.verify(folder)


def test_a_damaged_line_is_named(folder):
    path = folder / "raw" / "blocks.jsonl"
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(DataError, match=r"blocks\.jsonl:49: missing key") as caught:
        verify.verify(folder)
    assert "nox -s bench" in caught.value.next


def test_blocks_that_overlap_and_rounds_that_are_no_palindromes():
    lines = raw.chronological(honest())
    assert list(order.wrong(lines)) == []
    late = [*lines[:3], replace(lines[3], block=replace(lines[3].block, began_ns=lines[2].block.began_ns + 1)), *lines[4:]]
    assert list(order.wrong(late)) == [f"{lines[3].cell}: a block begins before that of {lines[2].cell} has ended"]
    swapped = [lines[1], lines[0], *lines[2:]]
    assert any("process 0, round 0: not in one order and then in that order reversed" in each for each in order.wrong(swapped))
    short = replace(lines[0].block, samples_ns=lines[0].block.samples_ns[1:])
    shorter = [replace(lines[0], block=short), *lines[1:]]
    assert any("process 0, round 0: some blocks have more samples than others" in each for each in order.wrong(shorter))


def test_the_command(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", "verify", str(folder)])
    assert command.main() == 0
    assert "OK" in capsys.readouterr().out


def test_all_differences_as_data(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", "verify", str(folder), "--json"])
    assert command.main() == 0
    good = json.loads(capsys.readouterr().out)
    assert (good["run"], good["blocks"], good["differences"], good["exit_code"]) == (str(folder), 48, [], 0)
    assert good["values"] > 1000
    change(folder / "results.json", lambda run: [cell.update(middle_ns=1.0, samples=1, blocks=[]) for cell in run["cells"]])
    change(folder / "results.json", lambda run: [row.update(bound=1.0) for row in run["parity"]])
    raw_lines = (folder / "raw" / "blocks.jsonl").read_text().splitlines()
    (folder / "raw" / "blocks.jsonl").write_text("\n".join(raw_lines[::-1]) + "\n")
    assert command.main() == 1
    bad = json.loads(capsys.readouterr().out)
    assert bad["exit_code"] == 1
    assert len(bad["differences"]) > verify.MOST_SHOWN, "none is left out"
    assert "results.json: cells[0].middle_ns is 1.0, the raw measurements make it " in " ".join(bad["differences"])


def test_an_older_format_is_refused(folder):
    change(folder / "results.json", lambda run: run["cells"][0].pop("alpha_share"))
    with pytest.raises(DataError, match="alpha_share"):
        write.load(folder)
