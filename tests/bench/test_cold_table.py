"""The table of cold starts, by hand; and what of a run leaves them out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench import record
from bench.evidence import order, raw
from bench.evidence.recompute import recompute
from bench.explain import standing
from bench.measure.contrasts import contrast_all
from bench.measure.noise import noise
from bench.measure.summary import summarise
from bench.report import cold, tables, write
from bench.results import Block, Interval, Measured, Results
from contract import strict
from contract.errors import UsageError
from tests.bench import fakes, made

MS = 1_000_000
NAME = "resnet18 (random)"


def started(runtime: str, totals_ms: list[int], *, disturbed: tuple[int, ...] = (), place: int = 0, **changes: object) -> Measured:
    """Starts of 10 ms until hello, 5 ms of loading, and the rest the first forward; the second one takes 1 ms."""
    variant = "eager" if runtime == "torch-eager" else "raw-dynamic"
    blocks = [
        Block(
            n, n, 0, (total * MS,), (100_000 * n + 10_000 * place) * MS, 0,
            {"start": (10 * MS,), "load": (5 * MS,), "first forward": ((total - 15) * MS,), "second forward": (MS,)},
            "stolen" if n in disturbed else None,
        )
        for n, total in enumerate(totals_ms)
    ]  # fmt: skip
    return replace(summarise(fakes.cell(variant, runtime, "cold"), "cold", blocks, {"threads": 2}, None, 1.0), **changes)


def results(*cells: Measured) -> Results:
    return replace(made.results(), cells=cells, contrasts=(), holes=(), noise=None)


PYTHON = started("ort-python", [20, 40, 20, 40, 20, 40])
RUST = started("ort-rust", [30, 20, 30, 20, 30, 20], place=1)


def test_by_hand():
    """Six starts: the interval of the median reaches from the smallest to the largest. Rust over Python: 1.5 and 0.5 in turn."""
    found = tables.timed(results(PYTHON, RUST), "cold")
    assert found.title == "Scenario cold: from the start of a process to its first answer"
    assert found.columns[3:] == ("total [95 %]", "start", "load", "first forward", "second forward", "starts", "ratio to ort-python [95 %]")
    same = ("10.00 ms [10.00 ms, 10.00 ms]", "5.00 ms [5.00 ms, 5.00 ms]")
    second = "1.00 ms [1.00 ms, 1.00 ms]"
    root = math.sqrt(1.5 * 0.5)  # the median of six logs is the mean of the two in the middle
    assert list(found.rows) == [
        (NAME, "raw-dynamic", "ort-python cpu", "30.00 ms [20.00 ms, 40.00 ms]", *same, "15.00 ms [5.00 ms, 25.00 ms]", second, "6", "-"),
        (
            *(NAME, "raw-dynamic", "ort-rust cpu", "25.00 ms [20.00 ms, 30.00 ms]", *same, "10.00 ms [5.00 ms, 15.00 ms]", second, "6"),
            f"{root:.3f} [0.500, 1.500]",
        ),
    ]
    assert found.notes == cold.NOTES


def test_fewer_than_six_have_no_interval_and_no_ratio():
    found = cold.table(results(started("ort-python", [20, 40, 20, 40, 20]), RUST), "cold")
    assert found.rows[0][3:] == (*["n/a (5 of 6)"] * 5, "5", "-")
    assert found.rows[1][3] == "25.00 ms [20.00 ms, 30.00 ms]"
    assert found.rows[1][-1] == "n/a (5 of 6)"


def test_a_disturbed_round_counts_for_neither_side():
    python, rust = (started(name, [20] * 8, disturbed=(1, 4)) for name in ("ort-python", "ort-rust"))
    found = cold.table(results(python, rust), "cold")
    assert [row[-2] for row in found.rows] == ["6", "6"]
    assert found.rows[1][-1] == "1.000 [1.000, 1.000]"
    assert found.notes[len(cold.NOTES) :] == ("2 of 8 rounds do not count: stolen",)


def test_ratios_are_of_the_same_round():
    """Rust failed to be there in round 0: its first start is that of round 1."""
    late = replace(RUST, blocks=RUST.blocks[1:])
    assert cold.log_ratios(late, PYTHON) == pytest.approx([math.log(each) for each in (0.5, 1.5, 0.5, 1.5, 0.5)])
    assert cold.paired_ratio(late, PYTHON) is None
    assert cold.paired_ratio(PYTHON, PYTHON) == Interval(1.0, 1.0, 1.0)


def test_a_process_that_is_twice_as_slow_is_found_whatever_the_machine_does():
    """Rounds differ tenfold; the ratio of two processes of one round does not."""
    totals = [20, 200, 30, 110, 60, 20, 45]
    doubled = started("ort-rust", [2 * each for each in totals])
    found = cold.paired_ratio(doubled, started("ort-python", totals))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_eager_is_compared_with_raw_dynamic_unless_that_means_nothing():
    eager = started("torch-eager", [300, 400] * 3, place=2)
    rows = cold.table(results(eager, PYTHON), "cold").rows
    assert rows[0][-1] == f"{math.sqrt(150):.3f} [10.000, 15.000]"
    other = replace(eager, options={"threads": 3})
    assert cold.table(results(other, PYTHON), "cold").rows[0][-1] == "not comparable: threads"
    assert cold.table(results(eager), "cold").rows[0][-1] == "-"


def test_a_cell_without_a_number():
    bad = summarise(RUST.cell, "cold", [], {}, "ort-rust: died", 1.0)
    found = cold.table(results(PYTHON, bad), "cold")
    assert found.rows[1][3:] == ("ERROR: ort-rust: died", *["-"] * 4, "0", "-")
    assert cold.table(results(bad, replace(PYTHON, error="x", blocks=())), "cold").rows[0][-1] == "-"


def test_contrasts_and_noise_leave_them_out():
    """They have no palindromic rounds, and no runner stands frozen beside them; rounds that do not count are counted."""
    other = started("ort-rust", [20, 20], disturbed=(1,))
    assert contrast_all([PYTHON, RUST], made.results().receipts, {}, 0.01) == []
    found = noise([PYTHON, other], [], {("wings", "resnet18", "raw-dynamic", "raw-dynamic"): True})
    assert (found.controls, found.frozen_share, found.rounds, found.disturbed) == ((), 0.0, 6, {"stolen": 1})
    warm = replace(made.measured("raw-dynamic", "ort-python"), blocks=(Block(0, 0, 0, (100,), 0, 7, {}, None),))
    assert noise([warm, PYTHON], [], {}).frozen_share == 0.07


def test_their_rounds_are_checked_as_what_they_are():
    lines = raw.chronological(results(PYTHON, RUST))
    both = {PYTHON.cell, RUST.cell}
    assert list(order.wrong(lines, both)) == []
    assert any("not in one order and then in that order reversed" in each for each in order.wrong(lines))
    twice = [*lines, replace(lines[-1], block=replace(lines[-1].block, began_ns=10**15))]
    assert list(order.wrong(twice, both)) == ["wings/resnet18/cpu/cold/1, round 5: a cell was started more than once"]
    overlap = [lines[0], replace(lines[1], block=replace(lines[1].block, began_ns=lines[0].block.began_ns + MS)), *lines[2:]]
    assert list(order.wrong(overlap, both)) == [f"{RUST.cell}: a block begins before that of {PYTHON.cell} has ended"]


def test_they_follow_from_their_blocks():
    right = results(PYTHON, RUST)
    spoiled = replace(right, cells=tuple(replace(cell, middle_ns=1.0, median_ns=None, split_ns={}, samples=0) for cell in right.cells))
    assert recompute(spoiled, raw.chronological(right)).cells == right.cells


def test_the_record_says_who_timed(tmp_path):
    write.store(results(RUST), tmp_path)
    record.write(tmp_path / "results.json", tmp_path / "benchmark.json")
    (found,) = strict.loads((tmp_path / "benchmark.json").read_text(), "x")["benchmarks"]
    assert found["name"] == f"test_cell[{RUST.cell}]"
    assert [round(each * 1000) for each in found["stats"]["data"]] == [30, 20, 30, 20, 30, 20]
    assert (found["extra_info"]["clock"], found["extra_info"]["ops_are"]) == ("replayed: the bench timed", "starts per second")


def test_there_is_nothing_to_explain():
    with pytest.raises(UsageError, match="ort-python/cold times fresh processes, and hardly any operator"):
        standing.measured(results(PYTHON, RUST), "ort-python/cold", "ort-rust/cold")
